"""What a reply's writer said, in many languages and ways of quoting."""

from __future__ import annotations

import pytest

from connectors.shared.email.replies import split

QUESTION = "> Which size would you like?\n> We have three.\n"

# How a mail program stands over the quotation, per language and program.
ATTRIBUTIONS = {
    "en gmail": "On Tue, 3 Feb 2026 at 14:05, Acme Support <help@acme.example> wrote:",
    "en apple": "On 3 Feb 2026, at 14:05, Acme Support wrote:",
    "en broken over lines": "On Tue, 3 Feb 2026 at 14:05, Acme Support and Everybody <\nhelp@acme.example> wrote:",
    "en zoho": "---- On Tue, 03 Feb 2026 14:05:10 +0000 Acme Support <help@acme.example> wrote ----",
    "de thunderbird": "Am 03.02.26 um 14:05 schrieb Acme Support:",
    "de gmail": "Am Di., 3. Feb. 2026 um 14:05 Uhr schrieb Acme Support <help@acme.example>:",
    "fr": "Le mar. 3 févr. 2026 à 14:05, Acme Support <help@acme.example> a écrit :",
    "es": "El mar, 3 feb 2026 a las 14:05, Acme Support (<help@acme.example>) escribió:",
    "pt": "Em ter., 3 de fev. de 2026 às 14:05, Acme Support <help@acme.example> escreveu:",
    "it": "Il giorno mar 3 feb 2026 alle ore 14:05 Acme Support <help@acme.example> ha scritto:",
    "nl": "Op di 3 feb 2026 om 14:05 schreef Acme Support <help@acme.example>:",
    "da": "Den tirs. 3. feb. 2026 kl. 14.05 skrev Acme Support <help@acme.example>:",
    "no": "tir. 3. feb. 2026 kl. 14:05 skrev Acme Support <help@acme.example>:",
    "sv": "Den tis 3 feb. 2026 kl 14:05 skrev Acme Support <help@acme.example>:",
    "fi": "ti 3. helmik. 2026 klo 14.05 Acme Support (help@acme.example) kirjoitti:",
    "pl": "wt., 3 lut 2026 o 14:05 Acme Support <help@acme.example> napisał(a):",
    "cs": "út 3. 2. 2026 v 14:05 odesílatel Acme Support <help@acme.example> napsal:",
    "sk": "ut 3. 2. 2026 o 14:05 Acme Support <help@acme.example> napísal(a):",
    "hu": "Acme Support <help@acme.example> ezt írta (időpont: 2026. febr. 3., K, 14:05):",
    "ro": "În mar., 3 feb. 2026 la 14:05, Acme Support <help@acme.example> a scris:",
    "ru": "вт, 3 февр. 2026 г. в 14:05, Acme Support <help@acme.example>:",
    "ru yandex": "03.02.2026, 14:05, Acme Support пишет:",
    "uk": "вт, 3 лют. 2026 р. о 14:05 Acme Support <help@acme.example> пише:",
    "bg": "На вт, 3.02.2026 г. в 14:05 Acme Support <help@acme.example> написа:",
    "el": "Στις Τρί 3 Φεβ 2026 στις 2:05 μ.μ., ο χρήστης Acme Support <help@acme.example> έγραψε:",
    "tr": "Acme Support <help@acme.example>, 3 Şub 2026 Sal, 14:05 tarihinde şunu yazdı:",
    "ja": "2026年2月3日(火) 14:05 Acme Support <help@acme.example>:",
    "zh": "Acme Support <help@acme.example> 于2026年2月3日周二 14:05写道：",
    "zh-tw": "Acme Support <help@acme.example> 於 2026年2月3日 週二 下午2:05寫道：",
    "ko": "2026년 2월 3일 (화) 오후 2:05, Acme Support <help@acme.example>님이 작성:",
    "vi": "Vào Th 3, 3 thg 2, 2026 vào lúc 14:05 Acme Support <help@acme.example> đã viết:",
    "he": "\u202bבתאריך יום ג׳, 3 בפבר׳ 2026 ב-14:05 מאת \u202aAcme\u202c <\u202ahelp@acme.example\u202c>:\u202c",
    "ar": "في الثلاثاء، ٣ فبراير ٢٠٢٦ ١٤:٠٥ Acme Support <help@acme.example> كتب:",
    "no verb, an older Gmail": "2026/2/3 Acme Support <help@acme.example>",
    "no date": "Acme Support <help@acme.example> schrieb:",
}

HEADERS = {
    "en": "From: Acme Support <help@acme.example>\nSent: Tuesday, 3 February 2026 14:05\nTo: Ann\nSubject: Your order",
    "en bold": "*From:* Acme <help@acme.example>\n*Sent:* Tuesday 14:05\n*To:* ann@home.example\n*Subject:* Your order",
    "de": "Von: Acme Support <help@acme.example>\nGesendet: Dienstag, 3. Februar 2026\nAn: Ann\nBetreff: Bestellung",
    "fr": "De : Acme Support <help@acme.example>\nEnvoyé : mardi 3 février 2026 14:05\nÀ : Ann\nObjet : Commande",
    "es": "De: Acme Support <help@acme.example>\nEnviado el: martes, 3 de febrero de 2026\nPara: Ann\nAsunto: Pedido",
    "pt": "De: Acme Support <help@acme.example>\nEnviada em: terça-feira\nPara: Ann\nAssunto: Pedido",
    "it": "Da: Acme Support <help@acme.example>\nInviato: martedì 3 febbraio 2026\nA: Ann\nOggetto: Ordine",
    "nl": "Van: Acme Support <help@acme.example>\nVerzonden: dinsdag 3 februari 2026\nAan: Ann\nOnderwerp: Bestelling",
    "da": "Fra: Acme Support <help@acme.example>\nSendt: 3. februar 2026 14:05\nTil: Ann\nEmne: Ordre",
    "sv": "Från: Acme Support <help@acme.example>\nSkickat: den 3 februari 2026\nTill: Ann\nÄmne: Order",
    "fi": "Lähettäjä: Acme Support <help@acme.example>\nLähetetty: tiistai 3.\nVastaanottaja: Ann\nAihe: Tilaus",
    "pl": "Od: Acme Support <help@acme.example>\nWysłano: wtorek, 3 lutego 2026\nDo: Ann\nTemat: Zamówienie",
    "cs": "Od: Acme Support <help@acme.example>\nOdesláno: úterý 3. února 2026\nKomu: Ann\nPředmět: Objednávka",
    "ru": "От: Acme Support <help@acme.example>\nОтправлено: 3 февраля 2026 г.\nКому: Ann\nТема: Заказ",
    "tr": "Kimden: Acme Support <help@acme.example>\nGönderildi: 3 Şubat 2026 Salı\nKime: Ann\nKonu: Sipariş",
    "ja": "差出人: Acme Support <help@acme.example>\n送信日時: 2026年2月3日\n宛先: Ann\n件名: ご注文",
    "zh": "发件人: Acme Support <help@acme.example>\n发送时间: 2026年2月3日\n收件人: Ann\n主题: 订单",
    "ko": "보낸 사람: Acme Support <help@acme.example>\n보낸 날짜: 2026년 2월 3일\n받는 사람: Ann\n제목: 주문",
    "a line broken": "From: Acme <help@acme.example>\nTo: Ann,\n Bob <b@home.example>\nDate: today\nSubject: Order",
    "empty lines between": "From: Acme <help@acme.example>\n\nSent: Tuesday\n\nTo: Ann\n\nSubject: Your order",
}

MARKERS = (
    *("-----Original Message-----", "-------- Original message --------", "---------- Forwarded message ---------"),
    *("-----Ursprüngliche Nachricht-----", "-------- Message d'origine --------", "-----Mensaje original-----"),
    *("-----Mensagem original-----", "-----Messaggio originale-----", "-----Oorspronkelijk bericht-----"),
    *("-----Oprindelig meddelelse-----", "-----Ursprungligt meddelande-----", "-----Alkuperäinen viesti-----"),
    *("-----Wiadomość oryginalna-----", "-----Původní zpráva-----", "-----Исходное сообщение-----"),
    *("-----Orijinal Mesaj-----", "-----元のメッセージ-----", "-----原始邮件-----", "-----원본 메시지-----"),
    *(
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
        "##- Please type your reply above this line -##",
    ),
)

DEVICES = (
    *("Sent from my iPhone", "Sent from Outlook for Android<https://aka.example/x>", "Get Outlook for iOS"),
    *(
        "Von meinem iPad gesendet",
        "Gesendet mit der Telekom Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
    ),
    *("Enviado do meu iPhone", "Inviato da iPhone", "Verzonden vanaf mijn iPhone", "Sendt fra min iPhone"),
    *(
        "Skickat från min iPhone",
        "Lähetetty iPhonesta",
        "Wysłane z iPhone'a",
        "Odesláno z iPhonu",
        "Отправлено с iPhone",
    ),
    *("iPhone'umdan gönderildi", "iPhoneから送信", "发自我的 iPhone", "나의 iPhone에서 보냄", "*Sent from my Galaxy*"),
)


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_words_over_a_quotation_stand_alone(line: str) -> None:
    found = split(f"The large one, please.\n\nAnn\n\n{line}\n\n{QUESTION}")
    assert found.visible == "The large one, please.\n\nAnn"
    assert found.quoted == f"{line}\n\n{QUESTION.strip()}"


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_words_under_a_quotation_stand_alone(line: str) -> None:
    assert split(f"{line}\n{QUESTION}\nThe large one, please.").visible == "The large one, please."


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_answers_between_quoted_lines_are_kept_with_what_they_answer(line: str) -> None:
    said = split(f"Hello,\n\n{line}\n\n> Which size?\n\nLarge.\n\n> Which colour?\n\nBlue.\n").visible
    assert said == "Hello,\n\n\n> Which size?\n\nLarge.\n\n> Which colour?\n\nBlue."


@pytest.mark.parametrize("lines", HEADERS.values(), ids=HEADERS.keys())
def test_what_stands_under_the_headers_of_another_mail_is_quoted(lines: str) -> None:
    found = split(f"The large one, please.\n\n{lines}\n\nDear Ann,\nwhich size would you like?\n")
    assert found.visible == "The large one, please."
    assert found.quoted.endswith("which size would you like?")


@pytest.mark.parametrize("lines", HEADERS.values(), ids=HEADERS.keys())
def test_a_forwarded_mail_without_words_of_its_own_shows_what_it_forwards(lines: str) -> None:
    said = split(f"---------- Forwarded message ---------\n{lines}\n\nDear Ann,\nyour order is here.\n").visible
    assert said == "Dear Ann,\nyour order is here."


@pytest.mark.parametrize("line", MARKERS)
def test_what_stands_under_a_marker_is_quoted(line: str) -> None:
    assert split(f"The large one, please.\n\n{line}\nWhich size?").visible == "The large one, please."


@pytest.mark.parametrize("line", DEVICES)
def test_what_a_telephone_writes_is_left_out(line: str) -> None:
    assert split(f"The large one, please.\n\n{line}\n").visible == "The large one, please."
    assert split(f"The large one.\n\n{line}\n\nAm 03.02.26 um 14:05 schrieb Acme:\n> a\n").visible == "The large one."


OWN_WORDS = {
    "nothing quoted": "Hello,\n\nwhere is my order?\n\nAnn",
    "a quotation without words": "> Which size would you like?",
    "a quotation that they typed": "> Which size?\n\nLarge.",
    "dashes in a sentence": "It broke -- completely -- last week.",
    "a rule between two parts": "First part\n---------\nSecond part",
    "a heading and its line": "Order\n=====\n\nTwo of them, please.",
    "a sentence that ends in wrote": "Your colleague Anna wrote:\nwe refund you.\nBut nothing came.",
    "a sentence with a time": "I called at 14:05 and Anna wrote:\nwait a week.",
    "a sentence with our address": "I got this from help@acme.example:\nyour parcel is lost.",
    "a form about a journey": "From: Paris\nTo: London\nDate: 3 May\nTwo tickets, please.",
    "a form of a web site": "New request\n\nFrom: Ann <ann@home.example>\nSubject: Order\nMessage: where is it?",
    "a list of keys": "Size: large\nColour: blue\nTo: me",
    "a sentence from a place": "I have it here.\nSent from my house by courier last week.\nBye",
    "a parcel": "Where is it?\nSent via courier on Monday",
    "a letter": "You have it by now:\nsent by post on 3 May.",
    "a desk": "I am late.\nSent from my desk, which is easier than from my phone.",
    "a parcel in Turkish": "Ne oldu?\nSipariş gönderildi",
    "a console": "It says:\nPS> Get-Item\nPS> exit",
    "marks in code": "Try this:\n```\n> echo 1\nOn 3 Feb 2026 at 14:05, A <a@b.example> wrote:\n--\n```\nIt fails.",
    "a greeting alone": "Hi",
    "a telephone alone": "Sent from my iPhone",
    "on this day": "On this day\n\nI wrote something\n\nnice.",
}


@pytest.mark.parametrize("text", OWN_WORDS.values(), ids=OWN_WORDS.keys())
def test_nothing_that_a_person_wrote_is_left_out(text: str) -> None:
    assert split(text).visible == text
    assert split(text).quoted == ""


POINTING = (
    "Voir mes réponses ci-dessous.\n\nDe : Acme <help@acme.example>\nEnvoyé : mardi\nÀ : Ann\nObjet : x\n\n"
    "1. Taille ?\nGrande."
)
SHAPES = {
    "a greeting over it, the answer under it": (
        "Hi Acme,\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> Which size?\n\nLarge.",
        "Hi Acme,\n\n> Which size?\n\nLarge.",
    ),
    "a signature": ("Large.\n\n-- \nAnn Example\nHome Ltd\n+44 20 7946 0000", "Large."),
    "a signature under the quotation": (
        "Large.\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> Which size?\n\n-- \nAnn Example\nHome Ltd",
        "Large.",
    ),
    "a long quoted line that was broken": (
        "Yes.\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n"
        "> We would very much like to know whether the large one would be fine for\nyou, too\n> or not.",
        "Yes.",
    ),
    "a quotation marked with bars": ("Large.\n\n| Which size?\n| Ann", "Large."),
    "a mailing list's foot": (
        "Large.\n\n_______________________________________________\nUsers mailing list\nUsers@lists.example",
        "Large.",
    ),
    "a signed mail": (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nLarge.\n-----BEGIN PGP SIGNATURE-----\n\nabc\n"
        "-----END PGP SIGNATURE-----",
        "Large.",
    ),
    "line ends of another machine": ("Large.\r\n\r\nOn 3 Feb 2026, at 14:05, Acme wrote:\r\n> Which?\r\n", "Large."),
    "two quotations in each other": (
        "Large.\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> On 2 Feb 2026, at 9:00, Ann wrote:\n>> Hi\n> Which size?",
        "Large.",
    ),
    "a quotation without marks": (
        "Large.\n\nOn 3 Feb 2026, at 14:05, Acme <help@acme.example> wrote:\n\nDear Ann,\n\nwhich size?\n\nAcme",
        "Large.",
    ),
    "many words under the quotation": (
        "Thanks, two things first.\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> Which size?\n\n"
        + "\n".join(f"Thing {n} is this." for n in range(8)),
        "Thanks, two things first.\n\n> Which size?\n\n" + "\n".join(f"Thing {n} is this." for n in range(8)),
    ),
    "words over it, a few under it": (
        "Large, as I told you.\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> Which size?\n\nAnn Example\nHome Ltd",
        "Large, as I told you.",
    ),
    "words over it and between": (
        "I answer both.\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> Size?\n\nLarge.\n\n> Colour?\n\nBlue.",
        "I answer both.\n\n> Size?\n\nLarge.\n\n> Colour?\n\nBlue.",
    ),
    "no empty line over the attribution": (
        "I asked ann@home.example too.\nOn 3 Feb 2026, at 14:05, Acme <\nhelp@acme.example> wrote:\n> Which size?",
        "I asked ann@home.example too.",
    ),
    "thanks over it, the answer under it": (
        "Thank you!\n\nOn 3 Feb 2026, at 14:05, Acme wrote:\n> Which size?\n\nLarge.",
        "Thank you!\n\n> Which size?\n\nLarge.",
    ),
    "words that point to what stands under them": (
        POINTING,
        POINTING,
    ),
    "white space": (" \n\t\n", ""),
}


@pytest.mark.parametrize(("text", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_the_shape_of_the_mail_decides(text: str, expected: str) -> None:
    assert split(text).visible == expected


@pytest.mark.parametrize("text", [text for text, _ in SHAPES.values()], ids=SHAPES.keys())
def test_every_line_is_either_shown_or_kept_as_quoted(text: str) -> None:
    found = split(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line.strip() for part in (found.visible, found.quoted) for line in part.split("\n") if line.strip()]
    assert sorted(kept) == sorted(lines)
