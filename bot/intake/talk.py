"""What is written about bounces and beside them, as data: help pages, automatic replies, receipts, bait, and people.

Ordinary words of many languages, each a sign to weigh against what a notification is made of.
"""

from __future__ import annotations

from bot.intake.layouts import Layout, Says, table

# fmt: off
TALK: tuple[tuple[str, Layout], ...] = (
    # Help pages and manuals
    *table(
        Says.DOCS, None, None,
        "also known as an ndr", "also known as a bounce", "this topic describes",
        "this article describes", "this topic explains", "applies to:", "ms.date", "ms.assetid",
        "toctitle", "how do i fix it?", "in this article", "causes for error code",
        "what you can do if you see error code", "what you can do if you see status code",
        "why did i get this bounce message", "still need help", "[!note]", "[!important]",
        "gilt für:", "se aplica a:", "s'applique à", "si applica a", "aplica-se a", "применимо к",
        "適用対象", "fix email delivery issues for error code", "the following table", "ndr codes",
        "error codes", "list of codes", "status codes", "-rejectmessageenhancedstatuscode",
        "new-transportrule", "set-transportrule", "get-messagetrace",
        "the following table contains", "see also", "take the following actions", "rfc 3463",
        "rfc 3464", "rfc 5321", "rfc3463", "known issue", "release notes", "changelog", "test_",
        "assert", "def ", "import ", "regex", "kodetabell", "alle koder", "alle kodene",
        "this error means", "means that the", "the code means", "in training", "kurs:", "course:",
        "lesson", "kapittel", "chapter", "documentation",
        "dokumentasjon", "artikkel om", "article about",
    ),
    *table(
        Says.AWAY, None, None,
        "out of office", "out of the office", "away from the office", "automatic reply",
        "auto-reply", "autoreply", "automatisk svar", "automatische antwort", "abwesenheitsnotiz",
        "abwesenheit", "réponse automatique", "risposta automatica", "respuesta automática",
        "resposta automática", "automatisch antwoord", "automatický", "automaattinen vastaus",
        "autosvar", "fraværsmelding", "frånvaro", "fravær", "i am currently out",
        "i'm currently out", "i will be out", "on vacation", "on holiday", "on annual leave",
        "parental leave", "maternity leave", "nicht im büro", "nicht im haus", "im urlaub",
        "je suis absent", "absente du bureau", "absent du bureau", "en congé", "en vacances",
        "de vacaciones", "fuera de la oficina", "fuori ufficio", "in ferie", "fora do escritório",
        "de férias", "jestem nieobecn", "poza biurem", "på ferie", "er på ferie",
        "ikke på kontoret", "tilbake på jobb", "inte på kontoret", "på semester", "semester",
        "ikke til stede", "no longer work", "no longer works", "jobber ikke lenger",
        "arbetar inte längre", "no longer employed", "no longer with the company",
        "has left the company", "sluttet i", "har sluttet", "no longer monitored",
        "is not monitored", "niet aanwezig", "afwezig", "met vakantie", "out of office:",
        "lomalla", "poissa", "休暇", "不在", "自动回复", "自動返信", "automatic response",
        "thank you for your email", "thank you for your message", "takk for din henvendelse",
        "takk for e-posten", "will get back to you", "svarer deg", "we have received your",
        "vi har mottatt", "your request has been received", "ticket has been created",
        "has been forwarded to", "limited access to email", "limited access to my email",
        "vacation",
    ),
    *table(
        Says.RECEIPT, None, None,
        "your message was read on", "was read on", "disposition: manual-action",
        "disposition: automatic-action", "was displayed on", "read receipt", "return receipt",
        "lesebekreftelse", "has been delivered to", "have been delivered to",
        "was delivered to the following", "delivery to these recipients or groups is complete",
        "delivery is complete", "successfully delivered", "was successfully delivered",
        "successful mail delivery report", "success notice", "your message has been delivered",
        "delivery notification: delivery successful", "action: delivered", "action: relayed",
        "action: expanded", "mottatt og lest", "ble lest", "leveringsbekreftelse",
        "lesebestätigung", "confirmation de lecture", "confirmación de lectura",
        "has been successfully", "no delivery notification was sent by the destination server",
        "deleted without being read", "slettet uten å være lest",
        "was deleted without being read",
    ),
    *table(
        Says.PHISHING, None, None,
        "undelivered messages on hold", "messages on hold", "release them",
        "release your messages", "release messages", "release pending", "pending messages",
        "held messages", "quarantined messages", "incoming messages", "recover messages",
        "retrieve your messages", "retrieve messages", "click to release",
        "click here to release", "click below to", "verify your account", "verify your email",
        "verify your mailbox", "confirm your account", "bestätigen sie ihr konto",
        "validate your", "re-validate", "reactivate your", "your mailbox will be",
        "will be deactivated", "will be suspended", "avoid suspension", "upgrade your mailbox",
        "increase your storage", "upgrade now", "your mailbox storage", "your password expires", "password will expire",
        "keep same password", "keep current password", "keep my password", "allow messages",
        "review messages", "deliver messages now", "view messages", "bekreft kontoen",
        "bekreft din konto", "logg inn for å frigi", "frigi meldinger", "frigjør", "frigi",
        "frigivelse", "frigør", "freigeben", "hold på serveren", "vérifiez votre compte",
        "confirmez votre compte", "libérer vos messages", "verifique su cuenta",
        "verifica tu cuenta", "confirme su cuenta", "verifica il tuo account",
        "ausgehenden nachrichten wurden gestoppt", "nachrichten zurückgehalten",
        "nachrichten wurden zurückgehalten", "fix delivery error", "fix it now",
        "resolve issue now", "sync error", "synchronization error", "mail server upgrade",
        "meldinger holdes tilbake", "meldinger på vent", "e-poster på vent", "e-poster venter",
        "meldinger venter", "kontoen din vil bli", "kontoen din blir", "oppdater kontoen",
        "messages could not be delivered to your inbox", "messages were blocked from your inbox",
        "failed to sync", "rectify", "restore delivery", "unblock", "click to deliver",
        "pending delivery", "pending mails", "pending emails", "undelivered mails",
        "undelivered emails", "recover your",
    ),
    # What people write when it happened to them
    *table(
        Says.REPORTED, None, "en",
        "got", "get", "getting", "gets", "received", "receive", "came back", "comes back",
        "bounced", "bounces", "keeps bouncing", "bounce back", "returned with", "got back",
        "it says", "says", "failed with", "fails with", "returns", "returned", "rejected with",
        "sending to", "mailing", "tried to", "trying to", "i sent", "we sent", "help",
        "error when",
    ),
    *table(
        Says.REPORTED, None, "nb",
        "fikk", "får", "fått", "kom tilbake", "kommer tilbake", "kom i retur", "i retur", "retur",
        "returmelding", "feilmelding", "feilmeldingen", "feilkode", "feilkoden", "avvist", "sier",
        "stopper", "sendte", "prøver å sende", "prøvde å sende", "hjelp",
    ),
    *table(
        Says.REPORTED, None, "da",
        "fik", "fejlkode", "fejlmeddelelse", "kom retur", "afvist",
    ),
    *table(
        Says.REPORTED, None, "sv",
        "fick", "felkod", "felkoden", "felmeddelande", "studsade", "studsar", "tillbaka",
        "avvisat", "skickade",
    ),
    *table(
        Says.REPORTED, None, "de",
        "bekommen", "bekomme", "bekam", "erhalten", "erhalte", "kam zurück", "kommt zurück",
        "zurückgekommen", "zurück", "fehler", "fehlercode", "fehlermeldung", "abgelehnt",
        "unzustellbarkeitsbericht",
    ),
    *table(
        Says.REPORTED, None, "fr",
        "reçu", "reçois", "revenu", "revient", "retour", "erreur", "rejeté", "renvoyé",
        "retourné",
    ),
    *table(
        Says.REPORTED, None, "es",
        "recibí", "recibido", "recibo", "devuelto", "devuelve", "rebotó", "rebota", "rebotado",
        "error al",
    ),
    *table(
        Says.REPORTED, None, "it",
        "ricevuto", "ricevo", "tornata", "tornato", "torna indietro", "errore", "respinta",
        "rifiutata",
    ),
    *table(
        Says.REPORTED, None, "nl",
        "kreeg", "krijg", "ontvangen", "kwam terug", "terug", "foutcode", "foutmelding",
        "geweigerd",
    ),
    *table(
        Says.REPORTED, None, "pl",
        "dostałem", "dostałam", "otrzymałem", "otrzymałam", "wrócił", "wróciła", "wróciło",
        "wraca", "błąd", "błędem", "odrzucona",
    ),
    *table(
        Says.REPORTED, None, "pt",
        "recebi", "voltou", "devolvido", "devolvida", "retornou", "erro",
    ),
    *table(
        Says.REPORTED, None, "fi",
        "sain", "palautui", "virhe", "virhekoodi", "takaisin",
    ),
    *table(
        Says.REPORTED, None, "cs",
        "vrátil", "vrátila", "vrátilo", "chyba", "chybou", "dostal",
    ),
    *table(
        Says.REPORTED, None, "ja",
        "エラー", "戻って", "届きません", "返って", "戻り",
    ),
    *table(
        Says.REPORTED, None, "zh",
        "退回", "收到", "错误", "退信",
    ),
    *table(
        Says.REPORTED, None, "ru",
        "получил", "получила", "вернулось", "ошибка", "ошибкой", "пришло",
    ),
)
# fmt: on
"""Phrases that tell a bounce from talk about one."""
