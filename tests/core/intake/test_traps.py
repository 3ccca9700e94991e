"""What looks like a bounce and is none, what looks like nothing and is one, and what only asks."""

from __future__ import annotations

import pytest

from bot.intake import read_text
from bot.model.report import Kind

TRAPS = [
    (
        "Fikk 550 5.1.10 da jeg sendte til kari@fabrikam.no",
        (Kind.BOUNCE,),
        "5.1.10",
        ["kari@fabrikam.no"],
    ),
    (
        "jeg får feilkode 5.1.10 når jeg sender til ole.hansen@contoso.no, hva betyr det?",
        (Kind.BOUNCE,),
        "5.1.10",
        ["ole.hansen@contoso.no"],
    ),
    ("E-posten min kom i retur med 5.1.10", (Kind.BOUNCE,), "5.1.10", []),
    (
        "Min mail till anna@fabrikam.se studsade med 550 5.1.1",
        (Kind.BOUNCE,),
        "5.1.1",
        ["anna@fabrikam.se"],
    ),
    ("Jeg fik en mail retur med fejlkode 5.7.1", (Kind.BOUNCE,), "5.7.1", []),
    (
        "Ich bekomme den Fehler 5.7.1 wenn ich an info@fabrikam.de schreibe",
        (Kind.BOUNCE,),
        "5.7.1",
        ["info@fabrikam.de"],
    ),
    (
        "Mon message à paul@fabrikam.fr est revenu avec l'erreur 550 5.1.10",
        (Kind.BOUNCE,),
        "5.1.10",
        ["paul@fabrikam.fr"],
    ),
    (
        "Mi correo a juan@fabrikam.es rebotó con el código 5.2.2",
        (Kind.BOUNCE,),
        "5.2.2",
        ["juan@fabrikam.es"],
    ),
    (
        "Ho ricevuto l'errore 550 5.1.1 scrivendo a mario@fabrikam.it",
        (Kind.BOUNCE,),
        "5.1.1",
        ["mario@fabrikam.it"],
    ),
    (
        "Ik kreeg foutcode 5.1.10 bij het mailen naar jan@fabrikam.nl",
        (Kind.BOUNCE,),
        "5.1.10",
        ["jan@fabrikam.nl"],
    ),
    (
        "Otrzymałem błąd 5.1.10 przy wysyłce do anna@fabrikam.pl",
        (Kind.BOUNCE,),
        "5.1.10",
        ["anna@fabrikam.pl"],
    ),
    (
        "Sain virhekoodin 5.1.10 kun lähetin viestin osoitteeseen matti@fabrikam.fi",
        (Kind.BOUNCE,),
        "5.1.10",
        ["matti@fabrikam.fi"],
    ),
    (
        "Recebi o erro 550 5.4.1 ao enviar para joao@example.org",
        (Kind.BOUNCE,),
        "5.4.1",
        ["joao@example.org"],
    ),
    (
        "my email to bob@contoso.com bounced, error 5.1.10",
        (Kind.BOUNCE,),
        "5.1.10",
        ["bob@contoso.com"],
    ),
    ("5.1.10", (Kind.BOUNCE,), "5.1.10", []),
    ("550 5.1.10", (Kind.BOUNCE,), "5.1.10", []),
    ("error 5.1.10", (Kind.BOUNCE,), "5.1.10", []),
    ("NDR 5.1.10 help", (Kind.BOUNCE,), "5.1.10", []),
    ("Getting a 5.1.10 bounce when emailing our supplier", (Kind.BOUNCE,), "5.1.10", []),
    ("undeliverable 5.1.10 to sales@contoso.com", (Kind.BOUNCE,), "5.1.10", ["sales@contoso.com"]),
    ("it says 550 5.2.2 mailbox full", (Kind.BOUNCE,), "5.2.2", []),
    ("Got 5.1.1O from outlook", (Kind.BOUNCE,), "5.1.10", []),
    (
        "error code 5 . 1 . 10 recieved when mailing per@contoso.no",
        (Kind.BOUNCE,),
        "5.1.10",
        ["per@contoso.no"],
    ),
    ("Fehler 550 5.1.l0 RESOLVER.ADR.RecipientNotFound", (Kind.BOUNCE,), "5.1.10", []),
    ("status 550-5.1.10", (Kind.BOUNCE,), "5.1.10", []),
    ("550 5-1-10 recipient not found", (Kind.BOUNCE,), "5.1.10", []),
    (
        "What does 5.1.10 mean?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        "5.1.10",
        [],
    ),
    (
        "Hva betyr 5.1.10?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        "5.1.10",
        [],
    ),
    (
        "What is the difference between 5.1.1 and 5.1.10?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    (
        "Was bedeutet der Code 5.7.1?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    (
        "Is 5.4.1 the same as 5.1.10 in Exchange Online?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    (
        "Hvor finner jeg feilkoden i en returmelding?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    (
        "Do we have an article about NDR 5.1.10?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    (
        "Can you explain error code 5.7.133 to me?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    (
        "Jeg lager en rutine for 5.1.10-feil, hvem eier den?",
        (
            Kind.UNSURE,
            Kind.NOT_BOUNCE,
        ),
        None,
        [],
    ),
    ("Python 5.1.10 released", (Kind.NOT_BOUNCE,), None, []),
    ("We run WordPress 5.1.10 on the web server", (Kind.NOT_BOUNCE,), None, []),
    ("upgrade from 5.1.9 to 5.1.10 failed", (Kind.NOT_BOUNCE,), None, []),
    ("Se punkt 5.1.10 i avtalen", (Kind.NOT_BOUNCE,), None, []),
    ("See section 5.1.10 of the manual", (Kind.NOT_BOUNCE,), None, []),
    ("ping 5.1.10.4 does not answer", (Kind.NOT_BOUNCE,), None, []),
    ("Serveren 10.5.1.10 svarer ikke", (Kind.NOT_BOUNCE,), None, []),
    ("iOS 5.1.10 crashed on my phone", (Kind.NOT_BOUNCE,), None, []),
    ("v5.1.10", (Kind.NOT_BOUNCE,), None, []),
    (
        "kapittel 5.1.10 handler om e-post",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    ("pip install foo==5.1.10", (Kind.NOT_BOUNCE,), None, []),
    ("firmware 4.4.7 for the switch", (Kind.NOT_BOUNCE,), None, []),
    ("Møte 5.1.2026 kl 10", (Kind.NOT_BOUNCE,), None, []),
    ("Version 5.7.1 of the mail client keeps crashing", (Kind.NOT_BOUNCE,), None, []),
    (
        "Outlook 5.5.0 error on start",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    ("Room 5.1.10 is booked", (Kind.NOT_BOUNCE,), None, []),
    ("Rom 5.1.10 er opptatt", (Kind.NOT_BOUNCE,), None, []),
    ("Driver 5.1.10.1234 installed", (Kind.NOT_BOUNCE,), None, []),
    ("Oppdater til versjon 5.1.10", (Kind.NOT_BOUNCE,), None, []),
    ("Die Rechnung 550 wurde nicht bezahlt", (Kind.NOT_BOUNCE,), None, []),
    ("I paid 550 dollars for delivery", (Kind.NOT_BOUNCE,), None, []),
    (
        "the package was not delivered to my address",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "DHL: your parcel could not be delivered, call 550 123",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "Kan ikke sende e-post fra mobilen",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    ("Outlook says disconnected", (Kind.NOT_BOUNCE,), None, []),
    (
        "I can't send mail to anna@contoso.com",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "Emails to anna@contoso.com are not delivered, why?",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
            Kind.BOUNCE,
        ),
        None,
        None,
    ),
    ("Kan dere legge til lars@contoso.no i gruppen?", (Kind.NOT_BOUNCE,), None, []),
    ("Please reset the password for kari@contoso.no", (Kind.NOT_BOUNCE,), None, []),
    (
        "The shared mailbox is full, can you increase the quota?",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        None,
    ),
    ("hei", (Kind.NOT_BOUNCE,), None, []),
    ("help", (Kind.NOT_BOUNCE,), None, []),
    ("takk!", (Kind.NOT_BOUNCE,), None, []),
    (
        "My mailbox is full, what do I do?",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "Can I forward all mail to my private address ola@example.com?",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    ("mail from postmaster@contoso.com looks strange", (Kind.NOT_BOUNCE,), None, []),
    (
        "Automatisk svar: Jeg er på ferie til 5. august. Ved hasteforespørsler, kontakt vakt@contoso.no",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        "Automatic reply: I am out of the office until Monday. For urgent matters contact bob@contoso.com",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        "Abwesenheitsnotiz: Ich bin bis 3.4. nicht im Büro. Ihre Nachricht wird nicht weitergeleitet.",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        "Thank you for your message. I no longer work at Contoso. Please write to info@contoso.com",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        "Your message was received and a ticket has been created: #55010",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        "Ola har sluttet i Contoso. E-posten din er ikke lest. Kontakt post@contoso.no.",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        None,
    ),
    (
        "Your message\n\nTo: kari@contoso.no\nSubject: Møte\nSent: 3/3/2026 9:00\n\nwas read on 3/3/2026 9:05:12 AM",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    ("Read: Budget\nYour message was read on Monday", (Kind.NOT_BOUNCE,), None, []),
    (
        "Delivered: Tilbud\n\nYour message has been delivered to the following recipients:\n\nkari@contoso.no",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        (
            "Relayed: hello\nDelivery to these recipients or groups is complete, but no delivery notification "
            "was sent by the destination server:\n\nbob@fabrikam.com"
        ),
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    (
        "Final-Recipient: rfc822; bob@fabrikam.com\nAction: delivered\nStatus: 2.1.5",
        (Kind.NOT_BOUNCE,),
        None,
        [],
    ),
    ("Slettet uten å være lest: Ferie", (Kind.NOT_BOUNCE,), None, []),
    ("status=sent (250 2.0.0 OK)", (Kind.NOT_BOUNCE,), None, []),
    ("250 2.1.5 Recipient OK", (Kind.NOT_BOUNCE,), None, []),
    (
        "Mail delivery failed: 7 incoming messages are pending. Click here to release messages: http://mail.example.net/login",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "Your mailbox is almost full. Verify your account http://mail.example.net to avoid suspension",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "Postmaster: (3) messages were blocked from your inbox. Review messages http://mail.example.net",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "E-posten din er stoppet. Logg inn for å frigi 4 meldinger: https://mail.example.net",
        (
            Kind.NOT_BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        (
            "<kari@fabrikam.no>: host mx.fabrikam.no[192.0.2.1] said: 550 5.1.1 <kari@fabrikam.no>: Recipient "
            "address rejected: User unknown (in reply to RCPT TO command)"
        ),
        (Kind.BOUNCE,),
        "5.1.1",
        ["kari@fabrikam.no"],
    ),
    (
        (
            "Address not found. Your message wasn't delivered to kari@fabrikam.no because the address couldn't "
            "be found, or is unable to receive mail."
        ),
        (Kind.BOUNCE,),
        None,
        ["kari@fabrikam.no"],
    ),
    (
        (
            "Hi. This is the qmail-send program at mail.contoso.com.\nI'm afraid I wasn't able to deliver your "
            "message to the following addresses.\n\n<bob@fabrikam.com>:\n192.0.2.3 does not like recipient.\n"
            "Remote host said: 550 5.1.1 unknown\nGiving up on 192.0.2.3."
        ),
        (Kind.BOUNCE,),
        "5.1.1",
        ["bob@fabrikam.com"],
    ),
    (
        (
            "Dec 3 10:00:01 mx postfix/smtp[99]: ABC: to=<bob@fabrikam.com>, "
            "relay=mx.fabrikam.com[192.0.2.9]:25, delay=1, dsn=5.1.1, status=bounced (host mx.fabrikam.com "
            "said: 550 5.1.1 User unknown)"
        ),
        (Kind.BOUNCE,),
        "5.1.1",
        ["bob@fabrikam.com"],
    ),
    (
        (
            "Your message\n\n   Subject: Hello\n\nwas not delivered to:\n\n  bob@fabrikam.com\n\nbecause:\n\n  "
            "User bob (bob@fabrikam.com) not listed in Domino Directory"
        ),
        (Kind.BOUNCE,),
        None,
        ["bob@fabrikam.com"],
    ),
    (
        "The message that you sent was undeliverable to the following:\n\tbob (user not found)",
        (Kind.BOUNCE,),
        None,
        [],
    ),
    (
        (
            "Sorry, we were unable to deliver your message to the following address.\n\n<bob@example.com>:\n"
            "Remote host said: 554 delivery error: dd This user doesn't have a yahoo account [0] - "
            "mta1.mail.example.com"
        ),
        (Kind.BOUNCE,),
        None,
        ["bob@example.com"],
    ),
    (
        "Ihre Nachricht an bob@fabrikam.de konnte nicht zugestellt werden.\nbob wurde nicht in fabrikam.de gefunden.",
        (Kind.BOUNCE,),
        None,
        ["bob@fabrikam.de"],
    ),
    (
        (
            "Uw bericht kan niet worden bezorgd bij de volgende geadresseerden of groepen:\n\nbob@fabrikam.nl\n"
            "Het door u ingevoerde e-mailadres is niet gevonden.\n\nDiagnostische gegevens voor beheerders:\n\n"
            "Bronserver: ex1.contoso.nl\n\nbob@fabrikam.nl\nRemote Server returned '550 5.1.10 "
            "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'"
        ),
        (Kind.BOUNCE,),
        "5.1.10",
        ["bob@fabrikam.nl"],
    ),
    (
        (
            "Final-Recipient: rfc822;a@contoso.com\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: "
            "rfc822;b@contoso.com\nAction: failed\nStatus: 5.2.2\n\nFinal-Recipient: rfc822;c@contoso.com\n"
            "Action: delivered\nStatus: 2.0.0"
        ),
        (Kind.BOUNCE,),
        "5.1.1",
        ["a@contoso.com", "b@contoso.com"],
    ),
    (
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [AM1.eop-EUR05.prod.protection.outlook.com]",
        (Kind.BOUNCE,),
        "5.4.1",
        [],
    ),
    (
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). to bob@example.com",
        (Kind.BOUNCE,),
        "5.5.0",
        ["bob@example.com"],
    ),
    (
        "552 5.2.2 The email account that you tried to reach is over quota.",
        (Kind.BOUNCE,),
        "5.2.2",
        [],
    ),
    ("421 4.4.1 Connection timed out", (Kind.BOUNCE,), "4.4.1", []),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.4] blocked using zen.spamhaus.org",
        (Kind.BOUNCE,),
        "5.7.1",
        [],
    ),
    (
        "您的邮件无法送达。收件人邮件地址（zhang@example.net）不存在，邮件无法送达。",
        (Kind.BOUNCE,),
        None,
        ["zhang@example.net"],
    ),
    (
        "Kan ikke leveres: Møtereferat",
        (
            Kind.BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        "Undeliverable: Project plan",
        (
            Kind.BOUNCE,
            Kind.UNSURE,
        ),
        None,
        [],
    ),
    (
        (
            "Message not delivered\nThere was a problem delivering your message to bob@fabrikam.com. See the "
            "technical details below.\n\nThe response was:\n\n550 5.7.1 rejected by policy"
        ),
        (Kind.BOUNCE,),
        "5.7.1",
        ["bob@fabrikam.com"],
    ),
]


NO_BOUNCES = [
    "Kalender: Møte flyttet til 5.1.2027 kl. 10:00, rom 5.50",
    "Invitation: Quarterly review @ Tue 5 Jan 2027 10:00 (anna@contoso.com). Going? Yes - Maybe - No",
    "Accepted: Projektmøte",
    "Your meeting request was declined by Bob. Meeting could not be scheduled: room unavailable.",
    "Newsletter: 5 tips to improve email deliverability and avoid bounces! Unsubscribe here",
    "GitHub: [contoso/mailer] Issue #510: Bounce parser returns wrong code for 5.1.10",
    "Build #550 failed: test_bounce_5_1_1 AssertionError",
    'Jira: MAIL-550 "NDR 5.1.10 documentation" was assigned to you',
    "[Statuspage] Exchange Online: delayed email delivery - investigating",
    "Microsoft 365 message center: changes to NDR 5.7.705 throttling in May",
    "Driftsmelding: Vi har problemer med e-postlevering. E-post kan bli forsinket.",
    "Din pakke kunne ikke leveres. Hent den på posten innen 5 dager.",
    "Your order 550-5110 has been delivered to the recipient.",
    "Kan noen hjelpe meg med å sette opp videresending til ola@contoso.no?",
    "Hvordan oppretter jeg en delt postboks?",
    "Why is my mailbox full? I deleted everything yesterday",
    "Brukeren kari.hansen@contoso.no finnes ikke i adresselisten",
    "User unknown in the VPN portal when I log in as ola@contoso.no",
    "The printer says: delivery failed, no paper",
    "We cannot deliver the laptop before Friday, recipient not at home",
    "passordet mitt er utløpt, får ikke logget inn på e-post",
    "Vi har byttet domene fra contoso.no til fabrikam.no, må vi endre noe?",
    "Please unblock the sender news@contoso.com",
    "I get too much spam from bob@example.com",
    "Can you check whether my mail to kunde@fabrikam.no was delivered?",
    "Har dere fått e-posten min fra i går?",
    "SMTP: 250 2.0.0 OK 1234567 gsmtp",
    "354 Start mail input; end with <CRLF>.<CRLF>",
    "220 mail.contoso.com ESMTP Postfix",
    "Delivered: Offer. Your message was delivered to the following recipients: bob@contoso.com",
    "Lest: Tilbud. Meldingen ble lest 3. mars 2026.",
    "Thank you for contacting us. Your request (#55110) has been received.",
    "Hei, jeg er sykmeldt til 1. mai. Kontakt leder@contoso.no ved behov.",
    "Bonjour, je suis en congés jusqu'au 15 août. Pour toute urgence contactez paul@contoso.fr",
    "Ich bin vom 1. bis 15. August im Urlaub. Ihre Mail wird nicht weitergeleitet.",
    "Estoy de vacaciones hasta el 3 de septiembre.",
    "Hola, este buzón ya no se utiliza. Escriba a info@contoso.es",
    "This mailbox is not monitored. Please do not reply.",
    "IP 5.1.10.22 blocked by firewall rule 550",
    "Chapter 5.1.10: Delivery of goods",
    "Windows update KB5110 failed with error 0x80070550",
    "Error 550 on line 5110 in script.ps1",
    "SQL error 5.1.10 when connecting to the database",
    "HTTP 550 permission denied",
    "FTP: 550 File not found",
    "FTP 550 5.1.10.zip: No such file or directory",
    "npm ERR! peer dep missing: react@5.1.10, required by foo@5.4.1",
    "image: contoso/mailer:5.1.10",
    "apt-get install libfoo_5.1.10-1_amd64.deb",
    "In Exchange, RESOLVER.ADR.RecipientNotFound means that the address does not exist.",
    "Kurs: slik leser du en NDR. Kapittel 3 handler om 550 5.7.1 og 5.1.10.",
    "Liste over NDR-koder: 5.1.1 ukjent, 5.1.10 ikke funnet, 5.2.2 full, 5.4.1 avvist, 5.7.1 nektet",
    "When do we get a non-delivery report?",
    "Hva er en returmelding?",
    "Kan en NDR inneholde virus?",
    "How do I turn off delivery reports in Outlook?",
    "<script>alert('550 5.1.10')</script>",
    "{{7*7}} ${jndi:ldap://x} 5.1.10",
    "' OR 1=1; --",
    "Your account has been suspended. Verify at http://mail.example.net/verify",
    "Final notice: your mailbox storage is full, messages are rejected. Upgrade now: http://mail.example.net",
    "Sie haben 3 zurückgehaltene E-Mails. Freigeben: http://mail.example.net",
    "Du har 3 uleverte meldinger. Klikk her for å motta dem: http://mail.example.net",
]

SHORT_BOUNCES = [
    ("550 5.7.57 Client not authenticated to send mail", "5.7.57", set()),
    (
        "skanneren gir feil 550 5.7.57 SMTP; Client was not authenticated to send anonymous mail",
        "5.7.57",
        set(),
    ),
    ("421 4.7.0 Try again later, closing connection", "4.7.0", set()),
    (
        'Jeg får i retur: "Delivery has failed to these recipients or groups: ola@fabrikam.no"',
        None,
        {"ola@fabrikam.no"},
    ),
    (
        "All mail to eva@fabrikam.se bounces with 550 5.1.10 since monday",
        "5.1.10",
        {"eva@fabrikam.se"},
    ),
    ("kom i retur: ola@fabrikam.no 550 5.1.1 user unknown", "5.1.1", {"ola@fabrikam.no"}),
    ("ola@fabrikam.no: 550 5.1.10 RecipientNotFound", "5.1.10", {"ola@fabrikam.no"}),
    ("Status: 5.1.10", "5.1.10", set()),
    (
        "Action: failed Status: 5.4.1 Final-Recipient: rfc822;ola@fabrikam.no",
        "5.4.1",
        {"ola@fabrikam.no"},
    ),
    (
        "RecipientNotFound; Recipient ola@fabrikam.no not found by SMTP address lookup",
        None,
        {"ola@fabrikam.no"},
    ),
    ("ola wasn't found at fabrikam.no", None, set()),
    ("Your message to ola@fabrikam.no couldn't be delivered", None, {"ola@fabrikam.no"}),
    ("Unknown To address", None, set()),
    ("wasn't found at fabrikam.no. Office 365 Action Required Recipient", None, set()),
    (
        "Couldn't deliver the message to the following recipients: ola@fabrikam.no; eva@fabrikam.no",
        None,
        {"ola@fabrikam.no", "eva@fabrikam.no"},
    ),
    (
        (
            "The group styret only accepts messages from people in its organization or on its allowed "
            "senders list, and your email address isn't on the list."
        ),
        None,
        set(),
    ),
    (
        "Remote Server returned '550 5.7.705 Access denied, tenant has exceeded threshold'",
        "5.7.705",
        set(),
    ),
    (
        "Your message wasn't delivered because the recipient's email provider rejected it.",
        None,
        set(),
    ),
    ("550 5.1.10 til ola@fabrikam.no i går og i dag", "5.1.10", {"ola@fabrikam.no"}),
    ("RESOLVER.ADR.RecipientNotFound", None, set()),
    (
        "Hei, får denne: RESOLVER.ADR.RecipientNotFound på ola@fabrikam.no",
        None,
        {"ola@fabrikam.no"},
    ),
    ("554 5.4.14 Hop count exceeded - possible mail loop ATTR34", "5.4.14", set()),
    (
        "SMTP error from remote mail server after RCPT TO:<ola@fabrikam.no>: 550 5.1.1 no such user",
        "5.1.1",
        {"ola@fabrikam.no"},
    ),
    ("Undelivered Mail Returned to Sender", None, set()),
    (
        "Mail Delivery Subsystem: Address not found. Your message wasn't delivered to ola@example.org",
        None,
        {"ola@example.org"},
    ),
    ("Message expired 4.4.7 to ola@fabrikam.no", "4.4.7", {"ola@fabrikam.no"}),
    ("4.4.316 Connection refused [Message=Socket error code 10061]", "4.4.316", set()),
    ("feilkode 550 5.2.2", "5.2.2", set()),
    ("5.7.133 SenderNotAuthenticatedForGroup; authentication required", "5.7.133", set()),
    (
        "Mailen blev returnerad: 550 5.4.1 Recipient address rejected: Access denied",
        "5.4.1",
        set(),
    ),
    (
        "Unzustellbar: Angebot. Ihre Nachricht an eva@fabrikam.de konnte nicht zugestellt werden.",
        None,
        {"eva@fabrikam.de"},
    ),
    ("L'envoi à eva@fabrikam.fr a échoué: 550 5.1.10", "5.1.10", {"eva@fabrikam.fr"}),
    ("errore 5.1.10 con eva@fabrikam.it", "5.1.10", {"eva@fabrikam.it"}),
    ("Poczta wróciła, kod 5.1.10", "5.1.10", set()),
    ("メールが 550 5.1.10 で戻ってきました", "5.1.10", set()),
    ("我收到退信 550 5.1.10", "5.1.10", set()),
    ("5.1.10 feil på mail til ola@fabrikam.no", "5.1.10", {"ola@fabrikam.no"}),
    ("Office 365 bounced my mail 5.1.10", "5.1.10", set()),
    ("what should i do, 550 5.1.10 on ola@fabrikam.no", "5.1.10", {"ola@fabrikam.no"}),
    ("Why did my mail to ola@fabrikam.no bounce with 5.1.10?", "5.1.10", {"ola@fabrikam.no"}),
    ("Hvorfor kommer mail til ola@fabrikam.no i retur med 5.1.10?", "5.1.10", {"ola@fabrikam.no"}),
]


@pytest.mark.parametrize(("text", "kinds", "status", "recipients"), TRAPS)
def test_a_trap(
    text: str, kinds: tuple[Kind, ...], status: str | None, recipients: list[str] | None
) -> None:
    """The text is taken for what it is; where it is a bounce, its code and recipients come out."""
    report = read_text(text)
    assert report.kind in kinds
    if status is not None:
        assert report.status == status
    if recipients is not None and report.kind is Kind.BOUNCE:
        assert list(report.recipients) == recipients


@pytest.mark.parametrize(
    "text", [text for text, kinds, _, _ in TRAPS if kinds == (Kind.NOT_BOUNCE,)]
)
def test_what_is_no_bounce_reports_no_failure(text: str) -> None:
    """A text that is no bounce names no failing recipient, no code and no server."""
    report = read_text(text)
    assert (report.failures, report.codes, report.reporting_mta) == ((), (), None)


@pytest.mark.parametrize(
    "text",
    [
        "You have (5) undelivered messages on hold. Click to release them: http://mail.example.net/login",
        "Mail delivery failed: 7 incoming messages are pending. Click here to release messages http://mail.example.net",
        "Postmaster: 3 messages were blocked from your inbox. Review messages http://mail.example.net",
        "E-posten din er stoppet. Logg inn for å frigi 4 meldinger: https://mail.example.net",
    ],
)
def test_bait_is_warned_of(text: str) -> None:
    """A mail dressed up as a notification to get a click is no bounce, and the user is told."""
    report = read_text(text)
    assert report.kind is not Kind.BOUNCE
    assert "phishing" in report.warnings


@pytest.mark.parametrize("text", NO_BOUNCES)
def test_everyday_text_is_no_bounce(text: str) -> None:
    """Chatter, notices, versions, logs, automatic replies and talk about bounces are never taken for one."""
    assert read_text(text).kind is not Kind.BOUNCE


@pytest.mark.parametrize(("text", "status", "recipients"), SHORT_BOUNCES)
def test_a_few_words_of_a_bounce(text: str, status: str | None, recipients: set[str]) -> None:
    """One line, half a sentence or a code in somebody's own words is enough to know a bounce."""
    report = read_text(text)
    assert report.kind is Kind.BOUNCE
    assert set(report.recipients) == recipients
    if status:
        assert report.status == status
