"""The rules of the content. Each is a small function that reports to `Findings`; `bouncedesk lint` runs them all.

`FAULTS` find what cannot run: the program refuses to start with it. `SUSPICIONS` find the rest.
"""

from collections.abc import Callable

from bot.content.checks import (
    choices,
    codes,
    coverage,
    languages,
    prose,
    queues,
    references,
    routing,
    words,
)
from bot.content.problems import Findings
from bot.content.sources import Content

Check = Callable[[Content, Findings], None]

FAULTS: tuple[Check, ...] = (
    routing.targets_exist,
    routing.untried_checks_are_listed,
    routing.no_silent_loop,
    routing.facts_can_answer,
    choices.few_enough,
    choices.ids_are_free,
    choices.labels_differ,
    choices.typed_words_differ,
    references.blocks_exist,
    references.links_exist,
    references.handouts_exist,
    references.reasons_exist,
    references.addresses_are_https,
    codes.codes_are_well_formed,
    codes.articles_exist,
    codes.the_programs_articles_exist,
    codes.fingerprints_say_something,
    queues.channels_are_conversations,
    queues.conditions_can_hold,
    words.ids_are_the_programs,
    languages.default_is_complete,
    prose.placeholders_are_known,
)

SUSPICIONS: tuple[Check, ...] = (
    routing.every_node_is_reached,
    routing.every_way_ends,
    routing.headers_are_sound,
    choices.labels_are_short,
    choices.commands_are_not_hidden,
    references.everything_is_used,
    codes.rows_differ,
    queues.no_queue_is_hidden,
    languages.others_are_complete,
    languages.no_prose_is_left_over,
    prose.placeholders_are_equal,
    prose.only_our_markup,
    prose.no_addresses,
    prose.tidy,
    coverage.inventory_is_covered,
)
