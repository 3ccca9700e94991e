"""Stage four: a screen becomes a page, and a page becomes a card or text. Pure; every word comes from the content."""

from bot.render.card import adaptive_card
from bot.render.pages import page, sorry
from bot.render.text import plain_text
from bot.render.tickets import requester_notice, ticket_page

__all__ = ["adaptive_card", "page", "plain_text", "requester_notice", "sorry", "ticket_page"]
