"""What OpenAI's tokenizer makes of odd texts: python3 odd-texts.py > odd-texts.json

Needs ftfy 6.3.1, regex, and open_clip_torch 3.3.0 (pip install --no-deps), whose tokenizer is OpenAI's with its
vocabulary; torch is not needed. A text with "encoding": true is one whose encoding ftfy repairs.
"""
import importlib.util, json, random, sys, types

torch = types.ModuleType("torch")
torch.LongTensor = torch.Tensor = object
torch.long = None
sys.modules["torch"] = torch
package = importlib.util.find_spec("open_clip").submodule_search_locations[0]
spec = importlib.util.spec_from_file_location("tokenizer", f"{package}/tokenizer.py")
tokenizer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tokenizer)
clip = tokenizer.SimpleTokenizer()

QUOTES = ["’", "‘", "‚", "‛", "“", "”", "„", "‟", "ʼ", "«", "»", "‹", "›", "′", "″", "`", "´", "＇", "＂"]
ENTITIES = """&amp; &lt; &gt; &quot; &apos; &nbsp; &copy &copy; &reg; &hellip; &mdash; &ndash; &rsquo; &ldquo; &eacute; &EACUTE;
&Eacute; &szlig; &SZLIG; &ntilde; &NTILDE; &nTILDE; &AMP; &amp;amp; &amp;amp;amp; &amp;lt;b&amp;gt; &#39; &#x27; &#x2019; &#8217;
&#146; &#128; &#x80; &#0; &#1; &#11; &#12; &#13; &#65; &#65 &#x41 &#xD800; &#x110000; &#99999999; &#xFFFE; &#xFDD0; &#; &#x; &
&notit; &not; &notin; &foo; &ampersand; &ampx; &semi; &fjlig; &NotEqualTilde; &thinsp; &zwj; &shy; &bull; &trade; &SUP3; &frac12;
&euro; &pound &yen;5 &times; &alpha; &Alpha; &ALPHA; &check; &starf; &hearts; &rarr; &larr;x &sup2 &deg;C &micro;m &lt &gt &quot
&CounterClockwiseContourIntegral; &nvlt; &race; &acE; &bne; &#x1F332; &#127794; &lsquo;a&rsquo; &Jscr;ohn &HilbertSpace;""".split()
PIECES = [
    *["ﬁ", "ﬂ", "ﬀ", "ﬃ", "ﬄ", "ﬅ", "ﬆ", "Ĳ", "ĳ", "ŉ", "Ǆ", "ǅ", "ǆ", "Ǉ", "ǈ", "ǉ", "Ǌ", "ǋ", "ǌ", "Ǳ", "ǲ", "ǳ"],
    *["ＬＯＵＤ　ＮＯＩＳＥＳ", "ｄｏｇ", "１２３", "！？", "Ｕﾀｰﾝ", "ｶﾞｷﾞ", "ﾡﾢ", "￠￡￥￦", "￩￪", "ﾟ", "ｱ"],
    *["\ufeff", "\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\u202e", "\u200f", "\ufffc", "\ufff9", "\u206a", "\ufffd"],
    *["\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x1b[0m", "\x1b", "\x1c", "\x1f", "\x7f", "\x85", "\x92", "\x99"],
    *["\xa0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u180e", "\t", "\n", "\r\n", "\r", "\v"],
    *["é", "e\u0301", "ö", "o\u0308", "Å", "A\u030a", "Å", "ﬁ\u0301", "J\u030c", "İ", "ı", "ß", "ẞ", "ſ", "Σ", "ΟΔΟΣ", "Ω", "Ǆ"],
    *["½", "²", "①", "Ⅷ", "ℌ", "™", "№", "㎏", "…", "—", "–", "‐", "•", "°", "µ", "€", "£", "ﷺ", "㍿"],
    *["😀", "👩‍👩‍👧", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "❤️", "🇩🇪", "富士山", "ねこ", "고양이", "ก็", "हिन्दी", "שלום", "مرحبا", "Ёлка", "𝓓𝓸𝓰", "𠀀"],
    *["it's", "IT'S", "IT’S", "we’LL", "rock ’n’ roll", "don´t", "l’été", "O’Brien", "5’10”", "“quoted”", "‘single’", "„deutsch“"],
    *["<b>bold</b>", "<b>&amp;</b>", "a < b &amp; c", "x\n<p>\n&eacute;", "&eacute;\n<p>", "R&B", "AT&T", "Q&A;", "this&not that"],
    *["http://example.com/?a=1&copy=2", "C++ & C#", "100%", "a_b", "#tag @name", "$5.00", "...", "!!!", "--", "(c)", "[x]", "\\n", "\"\""],
    *["", " ", "   ", "\n\n", "a  b\t c", " leading", "trailing ", "UPPER lower", "camelCase", "x" * 300, "word " * 100],
]
PLAIN = ["dog", "A photo of a cat", "Zürich", "naïve résumé", "smörgåsbord"]
MOJIBAKE = ["schÃ¶n", "â€œquotedâ€\x9d", "itâ€™s", "Ã©tÃ©", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "voilÃ  le chÃ¢teau", "L’Ã©tÃ©"]

texts = [*QUOTES, *ENTITIES, *PIECES]
texts += [f"a dog{quote}s bowl" for quote in QUOTES] + [f"{quote}a dog{quote}" for quote in QUOTES]
texts += [f"cats {entity} dogs" for entity in ENTITIES]
rng = random.Random(7)
pieces = [text for text in [*QUOTES, *ENTITIES, *PIECES] if len(text) < 40] + PLAIN
for _ in range(250):
    texts.append(rng.choice(["", " "]).join(rng.choice(pieces) for _ in range(rng.randint(2, 6))))
texts += MOJIBAKE


def ids(text):
    tokens = [clip.sot_token_id, *clip.encode(text), clip.eot_token_id]
    return tokens if len(tokens) <= 77 else [*tokens[:76], clip.eot_token_id]


rows = []
for text in dict.fromkeys(texts):
    fixed = tokenizer.ftfy.fix_text(text)
    row = {"text": text, "clean": tokenizer._clean_lower(text), "ids": ids(text)}
    if tokenizer.ftfy.fix_text(text, fix_encoding=False) != fixed:
        row["encoding"] = True
    rows.append(row)
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
