"""By which words and headers machines betray themselves, as tables. All text in lower case."""

from __future__ import annotations

# Senders whose mail is never a person's: the part before the @, without - _ and dots.
DAEMONS = frozenset({"mailerdaemon", "maildaemon", "maildeliverysystem", "mailerdeamon", "mdaemon", "bouncehandler"})
POSTMASTERS = frozenset({"postmaster", "poostmaster", "postmast", "microsoftexchange", "mailadmin", "mailmaster"})
DAEMON_NAMES = (
    *("mailer-daemon", "mailer daemon", "mail delivery subsystem", "mail delivery system", "mail deliver system"),
    *("mail administrator", "internet mail delivery", "mail system", "microsoft exchange", "e-mail interconnect"),
)

# Beginnings of subjects of bounces.
BOUNCE_SUBJECTS = (
    *(
        "undeliver",
        "undelivered",
        "returned mail",
        "mail delivery fail",
        "delivery status notification",
        "non delivery",
    ),
    *(
        "delivery notification",
        "failure notice",
        "delivery failure",
        "delivery fail",
        "mail system error",
        "mail error",
    ),
    *("message delivery has failed", "message delivery fail", "failed delivery", "delivery status", "failed mail"),
    *("warning: could not send", "warning: message", "delayed mail", "delivery delayed", "mail could not be delivered"),
    *("could not deliver", "mail not delivered", "undelivery", "nondeliverable", "non-delivery", "rejected mail"),
    *("mail undeliverable", "mail failure", "delivery report", "delivery error", "delivery problem", "permanent error"),
    *("email bounce notification", "bounce notification", "delivery has failed", "message undeliverable"),
    *("unzustellbar", "nicht zustellbar", "zustellung fehlgeschlagen", "rückläufer", "mailzustellung fehlgeschlagen"),
    *("non remis", "échec de la remise", "message non distribuable", "retour de mail", "échec de remise"),
    *("no se puede entregar", "correo no entregado", "error de entrega", "devuelto", "mensaje no entregado"),
    *("não foi possível entregar", "falha na entrega", "mensagem não entregue", "mancato recapito", "non recapitabile"),
    *("onbestelbaar", "niet afgeleverd", "kan ikke leveres", "ikke leveret", "kan inte levereras", "olevererbart"),
    *(
        "nie można dostarczyć",
        "niedostarczone",
        "zwrot wiadomości",
        "nedoručitelná",
        "nedoručiteľné",
        "doručení selhalo",
    ),
    *("ваше сообщение не доставлено", "недоставленное сообщение", "сообщение не доставлено", "не доставлено"),
    *(
        "teslim edilemedi",
        "iletilemedi",
        "kézbesíthetetlen",
        "nu a putut fi livrat",
        "ei voitu toimittaa",
        "toimittamaton",
    ),
    *(
        "配信不能",
        "配信不可",
        "配信エラー",
        "送信エラー",
        "メール配信エラー",
        "退信",
        "系统退信",
        "无法投递",
        "未送达",
        "無法傳遞",
    ),
    *("배달 실패", "반송", "배달되지 않음", "전송 실패"),
)

# Beginnings of subjects by which programs mark what they answer by themselves ("Automatic reply: your subject").
ANSWER_SUBJECTS = (
    *("automatic reply", "auto reply", "autoreply", "auto-reply", "auto response", "auto-response", "autoresponse"),
    *("automated reply", "automated response", "autoresponder", "auto:", "vacation reply", "out of office autoreply"),
    *(
        "out of office",
        "out-of-office",
        "away from office",
        "on vacation",
        "vacation:",
        "away until",
        "i am away",
        "ooo:",
    ),
    *("automatische antwort", "automatische antwoord", "abwesenheit", "abwesend", "autom. antwort", "außer haus"),
    *(
        "ich bin nicht im büro",
        "nicht im büro",
        "réponse automatique",
        "absence du bureau",
        "absent du bureau",
        "absence",
    ),
    *("respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina", "resposta automática"),
    *("resposta automàtica", "ausência", "fora do escritório", "ausencia", "risposta automatica", "fuori sede"),
    *("fuori ufficio", "assenza", "automatisch antwoord", "afwezig", "niet aanwezig", "automatisk svar", "autosvar"),
    *("fraværende", "fravær", "ikke på kontoret", "frånvaro", "frånvarande", "autosvar:", "automaattinen vastaus"),
    *("poissa", "automatyczna odpowiedź", "autoodpowiedź", "nieobecność", "poza biurem", "automatická odpověď"),
    *("nepřítomnost", "automatická odpoveď", "neprítomnosť", "автоматический ответ", "автоответ", "нет на месте"),
    *("автоматична відповідь", "otomatik yanıt", "otomatik cevap", "ofis dışında", "automatikus válasz", "házon kívül"),
    *("răspuns automat", "αυτόματη απάντηση", "מענה אוטומטי", "תשובה אוטומטית", "رد تلقائي", "trả lời tự động"),
    *(
        "自動応答",
        "自動返信",
        "不在通知",
        "不在のお知らせ",
        "自动回复",
        "自動回覆",
        "自动答复",
        "外出",
        "자동 회신",
        "자동 응답",
        "부재중",
    ),
)
# What stands in such an answer: with a subject from the table and an In-Reply-To it is unmistakable.
ABSENCE_WORDS = (
    *("out of the office", "out of office", "on vacation", "on leave", "on holiday", "away from", "limited access"),
    *("this is an automat", "automatically generated", "auto-generated", "do not reply", "autoresponder", "i am away"),
    *(
        "nicht im büro",
        "abwesend",
        "urlaub",
        "automatisch generiert",
        "automatisch erstellt",
        "nicht im hause",
        "zurück am",
    ),
    *(
        "absent",
        "en congé",
        "en vacances",
        "généré automatiquement",
        "de retour le",
        "fuera de la oficina",
        "vacaciones",
    ),
    *("ausente", "férias", "fora do escritório", "fuori ufficio", "in ferie", "assente", "afwezig", "met vakantie"),
    *("ikke på kontoret", "ferie", "fraværende", "semester", "frånvarande", "föräldraledig", "lomalla", "poissa"),
    *("urlopie", "nieobecn", "poza biurem", "dovolen", "nepřítom", "neprítom", "отпуск", "отсутств", "відпустк"),
    *(
        "izinde",
        "izindeyim",
        "ofis dışında",
        "szabadság",
        "concediu",
        "άδεια",
        "休暇",
        "不在",
        "休假",
        "外出",
        "부재",
        "휴가",
    ),
)
# "Re:" and its like: whoever answers or forwards such a mail is a person.
ANSWERED = (
    "re",
    "aw",
    "antw",
    "sv",
    "vs",
    "rv",
    "fw",
    "fwd",
    "wg",
    "tr",
    "rif",
    "r",
    "odp",
    "ynt",
    "回复",
    "答复",
    "返信",
    "답장",
)

# A header, and what its value begins with ("" any): a program answered by itself.
ANSWER_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("x-autoreply", ("",)),
    ("x-autorespond", ("",)),
    ("x-auto-reply", ("",)),
    ("x-autoreply-from", ("",)),
    ("x-mail-autoreply", ("",)),
    ("x-autogenerated", ("reply", "forward", "yes")),
    ("x-apple-action", ("vacation",)),
    ("x-vacation", ("",)),
    ("x-post-messageclass", ("9; autoresponder",)),
    ("x-fc-machinegenerated", ("true",)),
    ("delivered-to", ("autoresponder",)),
    ("preference", ("auto_reply", "auto-reply", "autoreply")),
    ("precedence", ("auto_reply", "auto-reply", "autoreply")),
)
NO = frozenset({"no", "false", "0", "none"})
# A program of a server wrote it to everybody, or to nobody.
BULK_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("precedence", ("bulk", "junk")),
    ("x-cron-env", ("",)),
)
# A mailing list or a group handed on what somebody wrote to it.
LIST_HEADERS = ("list-post", "x-beenthere", "x-google-group-id", "x-mailman-version", "x-listname", "x-ml-name")

# Above the copy of the returned mail in a bounce that is one text.
COPY_BEGINS = (
    *("this is a copy of", "a copy of the message", "copy of the message", "original message", "returned message"),
    *("below this line is", "undelivered message", "unsent message", "message headers follow", "bounced e-mail"),
    *("message header", "returned mail", "the body of the message", "failed message", "the header of the original"),
)
DELAY_WORDS = (
    *("delay", "still being retried", "will be retried", "still undelivered", "not yet been delivered", "temporary"),
    *("not been delivered yet", "do not need to resend", "warning: could not send"),
)
