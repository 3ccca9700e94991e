"""Stage four: a screen becomes a page, and a page becomes a card or text. Pure; every word comes from the content."""

from bot.render.card import adaptive_card
from bot.render.pages import ending, held_off, page, sorry
from bot.render.requester import own_tickets_page, requester_notice, requester_page
from bot.render.roster import roster_page
from bot.render.text import plain_text
from bot.render.thread import thread_line, undelivered_line
from bot.render.ticket import search_hit, ticket_page

__all__ = [
    "adaptive_card",
    "ending",
    "held_off",
    "own_tickets_page",
    "page",
    "plain_text",
    "requester_notice",
    "requester_page",
    "roster_page",
    "search_hit",
    "sorry",
    "thread_line",
    "ticket_page",
    "undelivered_line",
]
