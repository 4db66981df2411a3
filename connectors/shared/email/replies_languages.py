"""How mail programs mark what they quote, in many languages: the words only, as tables.

Collected from what the programs write: Gmail, Outlook, Apple Mail, Thunderbird, Yahoo, Lotus Notes, mobile clients.
A word counts for every language at once: nobody tells us in which one a mail program was set up.
"""

from __future__ import annotations

# "On 3 May, Anna wrote:" - the verb, as it stands somewhere in the line.
WROTE: tuple[str, ...] = (
    *("wrote", "writes", "said", "has written"),  # en
    *("schrieb", "hat geschrieben", "geschrieben"),  # de
    *("a écrit", "a ecrit", "écrivait"),  # fr
    *("escribió", "escribio", "ha escrito", "va escriure", "ha escrit"),  # es, ca
    *("escreveu", "escreveu o seguinte"),  # pt
    *("ha scritto", "scrisse", "scriveva"),  # it
    *("schreef", "het volgende geschreven"),  # nl
    *("skrev", "skreiv", "skrifaði"),  # da, sv, no, is
    *("kirjoitti", "kirjutas"),  # fi, et
    *("napisał", "napisała", "napisał(a)", "pisze"),  # pl
    *("napsal", "napsala", "napsal(a)", "napísal", "napísala", "napísal(a)"),  # cs, sk
    *("пишет", "писал", "писала", "писал(а)", "написал", "написала", "написал(а)", "пише", "написав"),  # ru, uk, sr
    *("написа", "напиша"),  # bg, mk
    *("şunu yazdı", "yazdı", "şunları yazdı"),  # tr
    *("je napisao", "je napisala", "je napisao/la", "napisao je", "je napisal", "piše"),  # hr, sr, sl
    *("írta", "ezt írta"),  # hu
    *("a scris",),  # ro
    *("έγραψε", "έγραψαν"),  # el
    *("rašė", "parašė", "rakstīja"),  # lt, lv
    *("đã viết", "menulis", "เขียนว่า", "เขียน"),  # vi, id, th
    *("כתב", "כתבה", "كتب", "نوشت"),  # he, ar, fa
    *("写道", "寫道", "wrote", "写到"),  # zh
    *("は書きました", "さんは書きました", "のメール", "が書きました"),  # ja
    *("님이 작성", "작성", "님이 쓴 글"),  # ko
)

# Names of the lines over a quoted or forwarded mail.
FROM: tuple[str, ...] = (
    *("from", "von", "de", "da", "van", "fra", "från", "lähettäjä", "od", "kimden", "gönderen", "feladó", "de la"),
    *("expéditeur", "remitente", "remetente", "mittente", "afzender", "absender", "avsändare", "nadawca", "odesílatel"),
    *("от", "від", "отправитель", "από", "מאת", "من", "từ", "dari", "saatja", "no", "nuo", "pošiljatelj", "šalje"),
    *("差出人", "送信者", "发件人", "寄件者", "寄件人", "보낸 사람", "보낸사람", "보낸이", "จาก", "frá"),
)
DATE: tuple[str, ...] = (
    *("date", "sent", "datum", "gesendet", "envoyé", "envoyé le", "fecha", "enviado", "enviado el", "enviado em"),
    *("enviada em", "enviada", "data", "inviato", "data invio", "verzonden", "dato", "sendt", "skickat", "lähetetty"),
    *("päivämäärä", "päiväys", "wysłano", "data wysłania", "wysłane", "odesláno", "odoslané", "dátum", "elküldve"),
    *("дата", "отправлено", "надіслано", "изпратено", "tarih", "gönderildi", "gönderme tarihi", "trimis", "poslano"),
    *("ημερομηνία", "στάλθηκε", "תאריך", "נשלח", "تاريخ", "التاريخ", "ngày", "đã gửi", "tanggal", "dikirim", "kuupäev"),
    *("日付", "日時", "送信日時", "送信日", "日期", "发送时间", "发送日期", "时间", "時間", "寄件日期", "寄件時間"),
    *("날짜", "보낸 날짜", "보낸날짜", "วันที่", "ส่ง", "gesendet am", "erstellt", "created", "date sent", "sent on"),
)
TO: tuple[str, ...] = (
    *("to", "an", "à", "a", "para", "aan", "til", "till", "vastaanottaja", "do", "komu", "kime", "alıcı", "címzett"),
    *(
        "destinataire",
        "destinatario",
        "destinatário",
        "empfänger",
        "către",
        "catre",
        "prima",
        "за",
        "кому",
        "до",
        "προς",
    ),
    *("אל", "إلى", "đến", "kepada", "宛先", "收件人", "받는 사람", "받는사람", "ถึง", "saaja"),
)
COPY: tuple[str, ...] = (
    *("cc", "bcc", "kopie", "copie", "copie à", "copia", "cópia", "kopia", "kopi", "kopio", "dw", "udw", "копия"),
    *("копія", "bilgi", "másolat", "κοιν.", "抄送", "副本", "참조", "עותק", "نسخة", "in kopie", "kopie an"),
)
SUBJECT: tuple[str, ...] = (
    *("subject", "betreff", "objet", "sujet", "asunto", "assunto", "oggetto", "onderwerp", "emne", "ämne", "aihe"),
    *("temat", "předmět", "predmet", "тема", "относно", "konu", "tárgy", "subiect", "θέμα", "נושא", "موضوع"),
    *(
        "الموضوع",
        "chủ đề",
        "tiêu đề",
        "subjek",
        "perihal",
        "件名",
        "题目",
        "主题",
        "主旨",
        "제목",
        "เรื่อง",
        "teema",
        "efni",
    ),
)
OTHER: tuple[str, ...] = (
    *("reply-to", "reply to", "antwort an", "antworten an", "répondre à", "responder a", "rispondi a", "risposta"),
    *("antwoord aan", "beantwoorden aan", "svara till", "svar til", "odpowiedz do", "odpověď na", "ответить"),
    *("importance", "priority", "wichtigkeit", "importancia", "organisation", "organization", "attachments", "anlagen"),
    *("pièces jointes", "adjuntos", "allegati", "bijlagen", "sent by", "message-id", "yanıt adresi", "返信先", "답장"),
    *("newsgroups", "sender"),
)

# Between rows of dashes, or (a line that ends with a colon) alone.
QUOTED_MAIL: tuple[str, ...] = (
    *("original message", "original mail", "original appointment", "reply message", "forwarded message"),
    *("begin forwarded message", "forwarded by", "original e-mail", "message from"),
    *("ursprüngliche nachricht", "originalnachricht", "original-nachricht", "weitergeleitete nachricht"),
    *("anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail", "ursprüngliche mail"),
    *("message d'origine", "message original", "message initial", "message transféré", "e-mail d'origine"),
    *("début du message réexpédié", "début du message transféré", "message d’origine"),
    *("mensaje original", "mensaje reenviado", "inicio del mensaje reenviado", "missatge original"),
    *("mensagem original", "mensagem encaminhada", "início da mensagem encaminhada", "início da mensagem reenviada"),
    *("messaggio originale", "messaggio inoltrato", "inizio messaggio inoltrato", "messaggio originario"),
    *("oorspronkelijk bericht", "doorgestuurd bericht", "begin doorgestuurd bericht", "origineel bericht"),
    *("original meddelelse", "oprindelig meddelelse", "videresendt meddelelse", "videresendt besked"),
    *("start på videresendt besked", "opprinnelig melding", "videresendt melding", "videresendt e-post"),
    *("ursprungligt meddelande", "originalmeddelande", "vidarebefordrat meddelande", "vidarebefordrat brev"),
    *("alkuperäinen viesti", "välitetty viesti", "edelleenlähetetty viesti", "välitetty viesti alkaa"),
    *("wiadomość oryginalna", "oryginalna wiadomość", "wiadomość przekazana", "treść przekazanej wiadomości"),
    *("przekazana wiadomość", "początek przekazanej wiadomości", "wiadomość napisana"),
    *("původní zpráva", "přeposlaná zpráva", "originální zpráva", "pôvodná správa", "preposlaná správa"),
    *("исходное сообщение", "пересланное сообщение", "пересылаемое сообщение", "конец переадресованного сообщения"),
    *("начало переадресованного сообщения", "оригинальное сообщение", "переслане повідомлення", "оригінал"),
    *(
        "orijinal mesaj",
        "özgün ileti",
        "orjinal mesaj",
        "iletilen mesaj",
        "yönlendirilen ileti",
        "yönlendirilmiş ileti",
    ),
    *("eredeti üzenet", "továbbított üzenet", "mesaj original", "mesaj redirecționat", "mesajul original"),
    *("originalna poruka", "izvorno sporočilo", "proslijeđena poruka", "αρχικό μήνυμα", "προωθημένο μήνυμα"),
    *("元のメッセージ", "転送メッセージ", "転送されたメッセージ", "オリジナルメッセージ", "original message"),
    *("原始邮件", "原始信息", "原始郵件", "转发的邮件", "轉寄的郵件", "转发邮件", "转发邮件信息", "邮件原件", "原郵件"),
    *("원본 메시지", "원본 메일", "원본메일", "전달된 메시지", "전달된 메일", "원본 이메일"),
    *("הודעה מקורית", "הודעה שהועברה", "الرسالة الأصلية", "رسالة معاد توجيهها"),
    *("thư gốc", "tin nhắn đã chuyển tiếp", "pesan asli", "pesan terusan", "ข้อความต้นฉบับ"),
)

# "Please write your answer above this line", which desks print on top of what they send.
ABOVE_THIS_LINE: tuple[str, ...] = (
    *("reply above this line", "type your reply above", "write above this line", "reply above the line"),
    *("please reply above", "reply above line", "add your reply above", "enter your reply above"),
    *("antworten sie oberhalb", "oberhalb dieser zeile", "über dieser zeile", "au-dessus de cette ligne"),
    *("encima de esta línea", "por encima de esta línea", "acima desta linha", "sopra questa riga"),
    *("boven deze regel", "boven deze lijn", "over denne linje", "ovenfor denne linje", "ovanför den här raden"),
    *("ovanför denna rad", "powyżej tej linii", "nad tímto řádkem", "выше этой строки", "bu satırın üzerine"),
    *("この行の上に", "请在此行上方", "이 줄 위에", "tämän rivin yläpuolelle"),
)

# A mail that says no more than this before what it quotes has its answer under it.
GREETINGS: tuple[str, ...] = (
    *("hi", "hello", "hey", "dear", "good morning", "good afternoon", "good evening", "greetings"),
    *("hallo", "guten tag", "guten morgen", "moin", "servus", "liebe", "lieber", "sehr geehrte", "sehr geehrter"),
    *("bonjour", "bonsoir", "salut", "cher", "chère", "hola", "buenos días", "buenas tardes", "estimado", "estimada"),
    *(
        "olá",
        "oi",
        "bom dia",
        "boa tarde",
        "caro",
        "cara",
        "prezado",
        "prezada",
        "ciao",
        "buongiorno",
        "salve",
        "gentile",
    ),
    *("beste", "geachte", "goedendag", "dag", "hej", "hei", "god dag", "kære", "bästa", "hyvä", "moi", "terve"),
    *("cześć", "dzień dobry", "witam", "szanowna", "szanowny", "dobrý den", "ahoj", "vážený", "vážená"),
    *(
        "thanks",
        "thank you",
        "many thanks",
        "danke",
        "vielen dank",
        "merci",
        "gracias",
        "obrigado",
        "obrigada",
        "grazie",
    ),
    *("bedankt", "dank je", "dank u", "tak", "tack", "takk", "kiitos", "dziękuję", "děkuji", "спасибо", "teşekkürler"),
    *("ありがとうございます", "谢谢", "謝謝", "감사합니다"),
    *("здравствуйте", "добрый день", "привет", "уважаемый", "уважаемая", "merhaba", "sayın", "selam"),
    *("こんにちは", "お世話になっております", "您好", "你好", "안녕하세요", "szia", "tisztelt", "bună", "γεια"),
)
# Whoever says this speaks of what stands under it: the quotation is part of what they say.
SEE_BELOW: tuple[str, ...] = (
    *(
        "see below",
        "below in",
        "answers below",
        "comments below",
        "responses below",
        "replied below",
        "inline",
        "in-line",
    ),
    *(
        "answered below",
        "forwarded below",
        "message below",
        "mail below",
        "email below",
        "e-mail below",
        "in red below",
    ),
    *(
        "siehe unten",
        "s. unten",
        "s.u.",
        "untenstehend",
        "unten stehend",
        "weiter unten",
        "antworten unten",
        "im text unten",
    ),
    *(
        "voir ci-dessous",
        "ci-dessous",
        "cf. infra",
        "ver abajo",
        "más abajo",
        "ver abaixo",
        "veja abaixo",
        "vedi sotto",
    ),
    *(
        "qui sotto",
        "di seguito",
        "zie onder",
        "zie hieronder",
        "hieronder",
        "se nedenfor",
        "se under",
        "se nedan",
        "nedan i",
    ),
    *("katso alla", "ks. alla", "patrz poniżej", "poniżej", "viz níže", "viz nižšie", "см. ниже", "смотрите ниже"),
    *("aşağıda", "lásd alább", "mai jos", "下記", "以下をご", "见下", "如下", "請見下", "아래"),
)
# Lists and groups put this under what they forward.
LIST_FOOTER: tuple[str, ...] = (
    *("mailing list", "mailinglist", "unsubscribe", "listinfo", "google groups", "mailingliste", "abmelden"),
    *("mailman", "lista de correo", "liste de diffusion", "lijst", "désabonner", "/subscribe", "/options/"),
)
