"""1,000 texts to compare tokenizers on: what people type into a search for photos in 27 languages, odd ones, mixtures."""
import random

LANGUAGES = {
    "en": "a dog in the snow|two children running on the beach|The Eiffel Tower at night|old man's hands, close-up|black & white portrait",
    "de": "ein Hund im Schnee|Zwei Kinder laufen über den Strand|Straßenbahn in Köln bei Nacht|Äpfel, Öl und Brötchen|Fußgängerübergang",
    "fr": "un chien dans la neige|deux enfants courent sur la plage|l'été à Nîmes|cœur brisé|Où est la forêt enneigée ?",
    "es": "un perro en la nieve|dos niños corriendo por la playa|¿Dónde está el búho?|montaña al amanecer|¡Qué día tan soleado!",
    "pt": "um cão na neve|duas crianças correndo na praia|coração de açúcar|avó e avô no jardim|São Paulo à noite",
    "it": "un cane nella neve|due bambini corrono sulla spiaggia|città d'arte|perché no?|caffè e cornetto",
    "nl": "een hond in de sneeuw|twee kinderen op het strand|fietsers in ĳskoude regen|café's en 's avonds|zeeën",
    "sv": "en hund i snön|två barn springer på stranden|räksmörgås|Åsa på ön|gamla stan i skymning",
    "pl": "pies na śniegu|dwoje dzieci biegnie po plaży|zażółć gęślą jaźń|Łódź nocą|góry o świcie",
    "cs": "pes ve sněhu|dvě děti běží po pláži|příliš žluťoučký kůň|Praha v noci|černobílý portrét",
    "ro": "un câine în zăpadă|doi copii aleargă pe plajă|munții la răsărit|țară și oraș|pâine caldă",
    "hu": "kutya a hóban|két gyerek fut a tengerparton|árvíztűrő tükörfúrógép|Budapest éjjel|őszi erdő",
    "tr": "karda bir köpek|sahilde koşan iki çocuk|İstanbul'da ışıklar|ILIK SU|güneşli gün, ağaç",
    "vi": "con chó trong tuyết|hai đứa trẻ chạy trên bãi biển|Hà Nội về đêm|cà phê sữa đá|người phụ nữ mặc áo dài",
    "ru": "собака в снегу|двое детей бегут по пляжу|Ёлка в лесу|Москва ночью|чёрно-белый портрет",
    "uk": "собака в снігу|двоє дітей біжать пляжем|Київ уночі|їжак і ґанок|об'єкт",
    "el": "ένας σκύλος στο χιόνι|δύο παιδιά τρέχουν στην παραλία|ΟΔΟΣ ΑΘΗΝΑΣ|Ο Οδυσσέας|νύχτα στην πόλη",
    "ar": "كلب في الثلج|طفلان يركضان على الشاطئ|مدينة في الليل|قَهْوَةٌ عَرَبِيَّةٌ|٣ قطط و٥ كلاب",
    "he": "כלב בשלג|שני ילדים רצים על החוף|ירושלים בלילה|שָׁלוֹם עוֹלָם|קפה ועוגה",
    "fa": "سگ در برف|دو کودک در ساحل می‌دوند|تهران در شب|کوه‌های برفی|چای داغ",
    "hi": "बर्फ में एक कुत्ता|समुद्र तट पर दौड़ते दो बच्चे|दिल्ली की रात|क़िला और ज़मीन|गरम चाय",
    "bn": "বরফে একটি কুকুর|সৈকতে দৌড়ানো দুই শিশু|রাতের ঢাকা|পাহাড়ে সূর্যোদয়|গরম চা",
    "ta": "பனியில் ஒரு நாய்|கடற்கரையில் ஓடும் இரு குழந்தைகள்|இரவில் சென்னை|மலை உச்சி|சூடான தேநீர்",
    "th": "สุนัขในหิมะ|เด็กสองคนวิ่งบนชายหาด|กรุงเทพยามค่ำคืน|น้ำตก|กาแฟร้อน",
    "ja": "雪の中の犬|海辺を走る二人の子供|東京の夜景|カフェラテとケーキ|ｶﾞｯﾂﾎﾟｰｽﾞ",
    "ko": "눈 속의 개|해변을 달리는 두 아이|서울의 밤|따뜻한 커피|한글",
    "zh": "雪地里的狗|两个孩子在海滩上奔跑|北京的夜晚|黑白肖像|臺灣的茶園",
}
SPACES = ["", " ", "   ", "\n", "\t \n", "\u00a0", "\u3000", "\u2003\u2003", "\u200b", "\ufeff", "\u2028", "\u0085", "\r\n",
          " leading", "trailing ", "  both  ", "in   the    middle", "a\tb", "a\nb", "a\r\nb", "a\u00a0b", "a\u3000b", "a\u200bb",
          "a\u200db", "a\u0085b", "a\u2028b", "a\ufeffb", "a\u202fb", "a\u1680b", "a\u180eb", "a\u2060b", "a \u200b b", "\u2581",
          "a\u2581b", "\u2581\u2581 a", "a \u2581"]
CONTROLS = ["\x00", "a\x00b", "\x01\x02", "a\x07b", "\x0b", "\x0c", "\x1b[31mred\x1b[0m", "\x1c", "\x1f", "\x7f", "a\x7fb", "\x80",
            "\x8f", "\x9f", "\u00ad", "soft\u00adhyphen", "\u202eabc\u202c", "\u200e", "\u200f", "\u061c", "\u2066x\u2069", "\ufff9",
            "\ufffc", "\ufffd", "a\ufffdb", "\ue000", "\U000f0000", "\ufdd0", "\U0001ffff", "\u034f"]
EMOJI = ["😀", "a 😀 b", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "❤️", "❤", "🇩🇪🇫🇷", "👍🏽", "1️⃣", "#️⃣", "©️", "™", "🫠", "🫨", "🐦‍🔥", "🧑🏿‍❤️‍💋‍🧑🏻", "☃️⛄", "🫩", "🪾",
         "dog🐕dog", "🐶🐶🐶🐶🐶🐶🐶🐶", "👨‍💻 at work", "\u200d", "\ufe0f", "🏳️‍🌈"]
MARKS = ["e\u0301", "é", "o\u0308", "ö", "A\u030a", "Å", "\u212b", "ệ", "e\u0323\u0302", "e\u0302\u0323", "\u0301", " \u0301", "a\u0301\u0302\u0303\u0304",
         "n\u0303andu\u0301", "ﬁ\u0301", "Ａ\u0301", "ａ\u0308b", "か\u3099", "が", "ｶ\uff9e", "\u1100\u1161\u11a8", "각", "q\u0323\u0307", "Z̷̡̢̛a̴l̵g̶o̸",
         "क\u093c", "\u0958", "ड\u093cा", "स\u094dत\u094dर\u0940", "ก\u0e33", "\u0e33", "\u0eb3", "\u0622", "\u0627\u0653", "\u0340", "\u0344", "½\u0301", "1\u20e3"]
WIDTHS = ["ＬＯＵＤ　ＮＯＩＳＥＳ", "ｄｏｇ ｉｎ ｔｈｅ ｓｎｏｗ", "１２３４", "！？（）", "￥100 ￠", "ﾊﾝｶｸ ｶﾀｶﾅ", "ﾡﾢ", "～ 〜 ~", "a～b", "Ａ～Ｂ", "\uffe3", "ｶﾞｷﾞｸﾞ"]
COMPAT = ["ﬁ ﬂ ﬃ ﬅ ﬆ", "½ ⅓ ¼", "x² y³ ₂", "①②③ ⒈ ⑴", "Ⅷ ⅷ", "ℌ ℕ ℝ", "№ ℡ ™ ℠", "㎏ ㎜ ㏄ ㌢", "…", "‥", "ĳ Ĳ ŉ ǆ ǅ", "ſ", "µ μ", "Ω Ω", "ﷺ", "ﷲ", "ﻼ", "㍿ ㋿ ㍻",
          "ᵃᵇᶜ", "𝓓𝓸𝓰 𝔻𝕠𝕘 𝚍𝚘𝚐 𝐝𝐨𝐠", "🅰🅱", "🄰", "㊗㊙", "℃ °C", "⼀ ⼈", "豈 更", "‐ ‑ – — ―", "‹ › « »", "“ ” ‘ ’ „", "ẛ̣", "ﬓ", "ﭏ", "ª º", "¨ ´ ¸", "⁰ⁱ", "︵︶", "﹏", "ⓓⓞⓖ", "ﾞ", "\u2126"]
CASE = ["İ", "ı", "I", "i̇", "ß", "ẞ", "STRASSE", "Σ", "ΣΑΣ", "ΟΔΟΣ ΣΟΦΟΣ", "Ǆ", "Ა", "Ꭰ", "Ж", "ԱՐԵՎ", "ⱥ", "Ⱥ", "K", "ﬀ", "ŉ", "Ⓐ", "𐐀", "𞤀"]
RIGHT_TO_LEFT = ["abc שלום def", "مرحبا hello 123", "שלום, עולם!", "\u202bعربي\u202c", "۱۲۳", "لا", "ﻻ", "ـــ", "پژوهش‌ها", "ʾAlif"]
# Added by Unicode 12 to 17: what a library makes of them depends on its age.
LATE = ["\u0560", "\u1c90\u10d0", "\ua7b9\ua7ba", "\U0001f9ff", "\U0001faa0", "\u0870\u0888", "\u1ac1", "\u2c2f", "\ua7c0\ua7d0", "\U00010570\U00010597", "\U0001e290", "\U0001df00",
        "\u0cf3", "\u0ece", "\U0001e4d0", "\U00011f00", "\U0001fae8", "\u2ffc", "\U00031350", "\U0002ebf0", "\u1c89\u1c8a", "\ua7cb\ua7da", "\U00010d40\U00010d50", "\U00016d40", "\U0001ccd6\U0001ccf0", "\U0001fae9", "\u088f", "\ua7ce\ua7d2", "\U00011db0", "\U00016ea0\U00016ebb", "\U0001fac8", "\u20c1"]
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "a <mask> b", "a<mask>b", "<bos>", "<eos>", "<|endoftext|>", "<|startoftext|> a", "</s", "< /s>", "<0x41>", "<0x0A>", "[CLS]", "<b>bold</b>", "s", "</S>", "<extra_id_0>", "<start_of_turn>", "<unused1>"]
PUNCTUATION = ["!!!", "...", "a.b", "it's", "don't", "we've", "I'LL", "rock 'n' roll", "5'10\"", "C++ & C#", "100%", "$5.00", "a_b", "#tag @name", "http://example.com/?a=1&b=2", "x@y.org", "(c)", "[x]", "{y}", "\\n", "~", "^", "`", "|", "a/b", "3.14", "1,000,000", "2024-01-31", "12:30", "-", "--", "&amp;", "&lt;b&gt;", "、。！？", "。", "؟", "¿¡", "§", "°", "·"]
LONG = ["dog " * 100, "x" * 500, "雪" * 200, "😀" * 60, "a\u0301" * 150, "supercalifragilisticexpialidocious" * 8, "1234567890" * 30, "שלום " * 50, "เด็กสองคน" * 30,
        " ".join(f"w{i}" for i in range(200)), "ÀÉÎÕÜ" * 60, "\u200b" * 100, "   " * 100, "한글" * 100, "a-b" * 100, "ab " * 64, "ab " * 62]

ODD = [*SPACES, *CONTROLS, *EMOJI, *MARKS, *WIDTHS, *COMPAT, *CASE, *RIGHT_TO_LEFT, *LATE, *SPECIAL, *PUNCTUATION, *LONG]


def texts(count=1000, seed=11):
    """Every text once, then mixtures of all."""
    plain = [text for texts in LANGUAGES.values() for text in texts.split("|")]
    found = dict.fromkeys([*plain, *ODD, *(text.upper() for text in plain[::3]), *(text.title() for text in plain[1::4])])
    rng = random.Random(seed)
    short = [text for text in ODD if len(text) < 20]
    while len(found) < count:
        parts = [rng.choice(rng.choice([plain, short])) for _ in range(rng.randint(2, 5))]
        found[rng.choice(["", " ", " ", ", ", "\n"]).join(parts)] = None
    return list(found)[:count]


def corpus():
    """What tokenizers are trained on here: the same languages, in other mixtures."""
    plain = [text for texts in LANGUAGES.values() for text in texts.split("|")]
    rng = random.Random(5)
    words = [word for text in plain for word in text.split()]
    lines = [" ".join(rng.choice(words) for _ in range(rng.randint(3, 9))) for _ in range(4000)]
    return [*plain * 5, *lines, *(text.lower() for text in plain * 3)]
