"""From files to values: `dialogs/` read strictly, checked, and handed over as one `Library`.

`tree` reads YAML without its surprises, `fields` the shapes of the format, `articles`, `codes`, `shared` and `triage` the files, `read`
the folder. `checks` compare, `completeness` says which language lacks what, `build` makes the `Library`.
`draw` and `scaffold` are for authors.
"""

from bot.content.load import check, load_library
from bot.content.problems import Problem, Severity

__all__ = ["Problem", "Severity", "check", "load_library"]
