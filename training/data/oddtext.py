"""Texts that are awkward to copy: paths, code, JSON, markup, quotes, emoji, mixed scripts."""
import json

from training.data.lexicon import ODD_TEXTS

_EMOJI = "😀 😂 🙏 🔥 🎉 ❤️ 👍🏽 🚀 🍕 🐱 ☕ 🌧️ 🎂 💡 📌 ✅ ⚠️ 🇫🇷 👩‍💻 ¯\\_(ツ)_/¯".split(" ")
_NAMES = "x y foo total user_id maxRetries cfg item count err self.name data[0] $HOME".split()
_OPS = "== != >= <= && || += -> => :: ?? %".split()


class OddTexts:
    def __init__(self, corpus):
        self.corpus = corpus

    def _word(self, rng):
        return rng.choice(self.corpus.entities(rng.choice(("nouns", "objects", "cities", "first_names", "verbs", "app_names"))))

    def draw(self, rng):
        forms = (self._path, self._json, self._code, self._markup, self._quoted, self._emoji, self._symbols, self._shell, self._saying, self._mixed)
        if rng.random() < 0.25:
            return rng.choice(ODD_TEXTS).replace("{name}", rng.choice(self.corpus.entities("first_names")))
        return rng.choice(forms)(rng)

    def _path(self, rng):
        file, word = rng.choice(self.corpus.entities("file_names")).split("\\")[-1], self._word(rng)
        return rng.choice((f"C:\\{word}\\{file}", f"/var/{word.lower()}/{file}", f"~/{word}/{file}", f"\\\\srv{rng.randint(1, 9)}\\{word}\\", f"../{file}", f"D:/{word} {rng.randint(1, 9)}/"))

    def _json(self, rng):
        value = {self._word(rng).lower().split(" ")[0]: rng.choice((rng.randint(0, 99), self._word(rng), True, None, [1, 2], {"a": self._word(rng)})) for _ in range(rng.randint(1, 3))}
        return json.dumps(value, ensure_ascii=False, separators=rng.choice(((",", ":"), (", ", ": "))))

    def _code(self, rng):
        a, b, op, n = rng.choice(_NAMES), rng.choice(_NAMES), rng.choice(_OPS), rng.randint(0, 99)
        return rng.choice((f"{a} {op} {b}", f"if ({a} {op} {n}) {{ {b}++; }}", f"{a}('{self._word(rng)}', {n})", f"const {a} = \"{self._word(rng)}\";", f"print(f\"{{{a}}} {op} {n}\")",
                           f"return {a}[{n}] {op} '{self._word(rng)}'", f"{a} = {b} if {a} {op} {n} else None", f"// {self._word(rng)}: {a} {op} {b}", f"^{self._word(rng).lower()}\\d{{{n % 9}}}$"))

    def _markup(self, rng):
        word = self._word(rng)
        return rng.choice((f"<b>{word}</b>", f"<a href=\"/{word.lower()}\">{word}</a>", f"**{word}** and _{self._word(rng)}_", f"# {word}", f"[{word}](https://ex.org/{rng.randint(1, 99)})", f"&lt;{word}&gt; &amp; co", f"<{word.lower()}/>", f"- [ ] {word}"))

    def _quoted(self, rng):
        word = self._word(rng)
        return rng.choice((f'the "{word}" file', f"it's {word}'s, isn't it", f'he said "{word}", then left', f"'{word}' vs \"{self._word(rng)}\"", f"«{word}»", f"{rng.randint(5, 99)}\" {word}", f"so-called ‘{word}’"))

    def _emoji(self, rng):
        return rng.choice((f"{self._word(rng)} {rng.choice(_EMOJI)}", f"{rng.choice(_EMOJI)}{rng.choice(_EMOJI)} {self._word(rng)} {self._word(rng).lower()}!", f"{rng.choice(_EMOJI)}", f"{self._word(rng)}{rng.choice(_EMOJI)}{self._word(rng)}"))

    def _symbols(self, rng):
        return rng.choice((f"{rng.randint(1, 99)} > {rng.randint(1, 9)} && \"{self._word(rng).lower()}\" != 'false'", f"{rng.randint(1, 99)}% of {rng.randint(1, 9)}/{rng.randint(2, 9)}", f"a|b|{self._word(rng)}", f"({self._word(rng)}) [{rng.randint(1, 9)}] {{x}}",
                           f"#{self._word(rng)} @{rng.choice(self.corpus.entities('usernames'))}", f"x^{rng.randint(2, 5)} + {rng.randint(2, 9)}y = {rng.randint(1, 99)}", f"{self._word(rng)}; {self._word(rng)}, {self._word(rng)}...", f"50€ – {rng.randint(1, 99)} £", f"*{self._word(rng)}*~{rng.randint(1, 9)}"))

    def _shell(self, rng):
        file = rng.choice(self.corpus.entities("file_names")).split("\\")[-1]
        return rng.choice((f"rm -rf ./{file}", f"git commit -m \"{self._word(rng)}: {self._word(rng)}\"", f"cat {file} | grep -i '{self._word(rng)}'", f"curl -X POST https://ex.org/{rng.randint(1, 99)}", f"SELECT {self._word(rng).split(' ')[0].lower()} FROM t WHERE id = {rng.randint(1, 999)};", f"=SUM(A{rng.randint(1, 9)}:B{rng.randint(10, 99)})"))

    def _saying(self, rng):
        return rng.choice(self.corpus.entities(rng.choice(("proverbs", "movies", "songs", "books", "albums"))))

    def _mixed(self, rng):
        return rng.choice((f"{self._word(rng)} café naïve {self._word(rng)}", f"Größe {rng.randint(30, 60)} ({self._word(rng)})", f"日本語 {self._word(rng)}", f"привет, {self._word(rng)}!", f"{self._word(rng).upper()} {self._word(rng).lower()} {rng.randint(1, 999):03d}", f"ñandú & {self._word(rng)}", f"{rng.choice(self.corpus.entities('ids_codes'))} / {rng.choice(self.corpus.entities('ids_codes'))}"))
