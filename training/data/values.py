"""Values for parameters of arbitrary tools, chosen by name, type, format and description.

`Values.draw` gives (said, value): how the query says the value, and the argument.
"""
import re
import uuid

from training.data import numbers
from training.data.names import words_of
from training.data.oddtext import OddTexts

# The first list whose pattern matches the parameter's words wins.
_ENTITIES = [
    (r"e ?mail|recipient address", "emails"), (r"phone|msisdn|mobile|fax|sms to", "phone_numbers"),
    (r"url|uri|link|website|webhook|callback|homepage|endpoint", "urls"), (r"city|town", "cities"), (r"country name|^country$|nation", "countries"),
    (r"^state$|province", "states"), (r"first name|given name|nickname", "first_names"), (r"last name|surname|family name", "last_names"),
    (r"user ?name|login|owner|assignee|author id|handle|screen name|member", "usernames"), (r"author|writer", "authors"), (r"actor|actress|cast", "actors"),
    (r"company|organi[sz]ation|org$|vendor|employer|merchant|supplier|customer name|manufacturer|issuer|client name", "companies"),
    (r"address|street", "street_addresses"), (r"artist|band|singer", "artists"), (r"album", "albums"), (r"song|track", "songs"), (r"movie|film", "movies"),
    (r"book|isbn title", "books"), (r"game", "games"), (r"show|series|episode", "tv_shows"), (r"team", "sports_teams"), (r"sport", "sports"),
    (r"color|colour", "colors"), (r"language|locale lang", "languages_nationalities"), (r"time ?zone|tz", "timezones"), (r"symbol|ticker|stock", "stock_symbols"),
    (r"airport|iata", "airport_codes"), (r"airline|carrier", "airlines"), (r"drug|medicine|medication", "drugs"), (r"disease|condition|diagnosis", "diseases"),
    (r"symptom", "symptoms"), (r"ingredient", "ingredients"), (r"food|dish|meal|recipe", "foods"), (r"drink|beverage", "drinks"), (r"cuisine", "cuisines"),
    (r"animal|species|pet|breed", "animals"), (r"plant|crop", "plants"), (r"occupation|job title|profession|role name", "occupations"),
    (r"industry|sector", "industries"), (r"department", "departments"), (r"event", "events"), (r"genre", "music_genres"), (r"product|item name", "products"),
    (r"brand", "brands"), (r"file ?name|file|path|attachment|document", "file_names"), (r"location|place|area|destination|origin|venue", "locations"),
    (r"person|contact|patient|employee|student|teacher|client|manager|full name|passenger|guest|player|customer", "person_names"),
    (r"vehicle|car", "vehicles"), (r"material", "materials"), (r"hospital|clinic", "hospitals"), (r"neighbou?rhood|district", "neighborhoods"),
    (r"subject|course|topic|field", "academic_subjects"), (r"religion", "religions"), (r"mood|emotion", "moods"), (r"instrument", "instruments"),
    (r"app|application|software", "app_names"), (r"word|term$", "nouns"), (r"programming|code language", "programming_languages"), (r"activity|exercise|hobby", "activities"),
    (r"tag|label|categor|keyword|type|kind|class", "nouns"), (r"query|search|^q$|terms?|phrase|filter", "objects"), (r"object|item|thing", "objects"),
]
_ENTITIES = [(re.compile(p), name) for p, name in _ENTITIES]
_TEXT = re.compile(r"description|comment|message|text|body|content|note|reason|summary|prompt|caption|bio|feedback|question|instruction|sentence|string$|input")
_TITLE = re.compile(r"title|subject line|headline|heading")
_ID = re.compile(r"\b(id|ids|uuid|guid|key|code|token|number|no|ref|reference|hash|sku|serial|identifier|arn|etag|sid|slug|isbn|vin|iban)\b")
_ADJECTIVES = "blue north prod dev test main alpha beta web data core edge fast green old new shared demo live backup public nightly east legacy".split()
_OBJECTS = "app api cluster store site server hub db bucket vault pool queue group plan team report batch lab node cache portal service project mail".split()
_CODES = {"currency": "USD EUR GBP JPY CHF SEK INR BRL CAD AUD".split(), "country": "US DE FR GB IT ES JP BR IN CA".split(),
          "language": "en de fr es it pt ja zh nl sv".split(), "region": "us-east-1 eu-west-1 westeurope eastus northeurope ap-south-1 us-central1".split()}
_HUGE = {"year": (1950, 2030), "month": (1, 12), "day": (1, 28), "hour": (0, 23), "minute": (0, 59), "second": (0, 59), "age": (1, 95), "port": (80, 9999),
         "width": (50, 2000), "height": (50, 2000), "page": (1, 40), "limit": (1, 100), "count": (1, 50), "size": (1, 100), "offset": (0, 200), "top": (1, 50),
         "percent": (1, 100), "rating": (1, 5), "quantity": (1, 20), "id": (100, 99999), "number": (1, 500), "timeout": (5, 300), "zoom": (1, 20)}


class Values:
    def __init__(self, corpus):
        self.corpus = corpus
        self.odd_texts = OddTexts(corpus)
        self.sentences = corpus.entities("proverbs")

    def draw(self, rng, key, schema, description=""):
        """(said, value), or None when no sensible value is known (objects)."""
        kind = schema.get("type")
        words = " ".join(words_of(key)) or key.lower()
        if schema.get("enum"):
            value = rng.choice(schema["enum"])
            return self._say_enum(rng, value), value
        if kind == "boolean":
            return "", rng.random() < 0.6  # said by the caller
        if kind in ("integer", "number"):
            value = self._number(rng, words, schema, kind)
            return numbers.say_number(rng, value, isinstance(value, int) and rng.random() < 0.3), value
        if kind == "array":
            return self._array(rng, key, schema, description)
        if kind in ("string", None):
            return self._string(rng, words, schema, (description or "").lower())
        return None

    @staticmethod
    def _say_enum(rng, value):
        if not isinstance(value, str) or rng.random() < 0.35:
            return str(value)
        said = " ".join(words_of(value)) if re.search(r"[a-zA-Z]{3}", value) and not re.search(r"[/:.]", value) else value
        return said or value

    @staticmethod
    def _number(rng, words, schema, kind):
        low, high = next((r for w, r in _HUGE.items() if re.search(rf"\b{w}", words)), (1, 100))
        low = max(low, schema.get("minimum", low))
        high = min(max(high, low + 10), schema.get("maximum", 10**9))
        if high < low:
            low, high = schema.get("minimum", high), schema.get("maximum", low)
        if kind == "integer":
            return rng.randint(int(low), max(int(low), int(high)))
        if re.search(r"\b(lat|latitude)", words):
            return round(rng.uniform(-89, 89), rng.randint(2, 4))
        if re.search(r"\b(lon|lng|long|longitude)", words):
            return round(rng.uniform(-179, 179), rng.randint(2, 4))
        if re.search(r"rate|ratio|probability|fraction|alpha|factor", words) and rng.random() < 0.6:
            return min(max(round(rng.uniform(0.01, 0.99), 2), low if schema.get("minimum") else 0), high)
        value = round(rng.uniform(low, high), rng.choice((0, 0, 1, 2)))
        return int(value) if float(value).is_integer() else value

    def _array(self, rng, key, schema, description):
        items = schema.get("items")
        items = {"type": items} if isinstance(items, str) else items or {"type": "string"}
        if items.get("type") in ("array", "object", "boolean"):
            return None
        count = rng.choice((1, 2, 2, 3))
        if items.get("type") in ("integer", "number"):
            count = rng.randint(2, 6)
        drawn = []
        for _ in range(count):
            one = self.draw(rng, re.sub(r"s$", "", key), items, description)
            if one and one[1] not in [v for _, v in drawn]:
                drawn.append(one)
        if not drawn or any("," in s for s, _ in drawn):
            return None
        said = [s for s, _ in drawn]
        if items.get("type") in ("integer", "number"):
            said = [str(v) for _, v in drawn]
            return rng.choice((", ".join(said), "[" + ", ".join(said) + "]")), [v for _, v in drawn]
        joined = said[0] if len(said) == 1 else ", ".join(said[:-1]) + rng.choice((" and ", ", ", " and ")) + said[-1]
        return joined, [v for _, v in drawn]

    def _string(self, rng, words, schema, description):
        form = schema.get("format", "")
        if form == "date" or "yyyy-mm-dd" in description:
            return self._date(rng)
        if form == "date-time":
            day = self._date(rng)[1]
            value = f"{day}T{rng.randint(0, 23):02d}:{rng.choice((0, 15, 30, 45)):02d}:00Z"
            return value, value
        if form == "uuid" or "uuid" in description or words.endswith("subscription id"):
            value = str(uuid.UUID(int=rng.getrandbits(128)))
            return value, value
        value = self._by_name(rng, words, form, description)
        return value, value

    @staticmethod
    def _date(rng):
        """A calendar date, sometimes in words; the value is always ISO."""
        year, month, day = rng.randint(2015, 2029), rng.randint(1, 12), rng.randint(1, 28)
        iso = f"{year}-{month:02d}-{day:02d}"
        name = numbers.MONTHS[month - 1].capitalize()
        said = rng.choice((iso, iso, iso, f"{name} {day}, {year}", f"{day} {name} {year}", f"{name} {numbers.ordinal(day)} {year}"))
        return said, iso

    def _by_name(self, rng, words, form, description):
        if "currenc" in words:
            return rng.choice(_CODES["currency"])
        if re.search(r"\bcode\b|iso|abbreviat|\b2-letter|two-letter|3-letter", words + " " + description):
            for name, codes in _CODES.items():
                if name in words:
                    return rng.choice(codes)
        if re.search(r"\bregion\b", words):
            return rng.choice(_CODES["region"])
        if re.search(r"\b(start|end|from|to|since|until|date|after|before|deadline|expir\w*)\b", words) and re.search(r"date|time|day|when", words + " " + description):
            return rng.choice((self._date(rng)[1], self._date(rng)[1], numbers.day(rng)))
        if re.search(r"\btime\b", words):
            return numbers.clock(rng)
        if re.search(r"amount|rate$|count|limit|price|year|quantity|^page|size$|width|height|^max|^min|percent|weight|age$", words):
            return str(self._number(rng, words, {}, "number"))
        if re.search(r"zip|postal|postcode", words):
            return f"{rng.randint(1000, 99999):05d}"
        if re.search(r"\bip\b|ipv4", words):
            return ".".join(str(rng.randint(1, 254)) for _ in range(4))
        if "version" in words:
            return f"{rng.randint(0, 9)}.{rng.randint(0, 20)}" + rng.choice(("", f".{rng.randint(0, 9)}"))
        if "domain" in words or "host" in words:
            return f"{rng.choice(_ADJECTIVES)}-{rng.choice(_OBJECTS)}.{rng.choice(('com', 'org', 'io', 'net'))}"
        if _ID.search(words):
            return rng.choice(self.corpus.entities("ids_codes"))
        if form == "email" or form == "uri":
            return rng.choice(self.corpus.entities("emails" if form == "email" else "urls"))
        for pattern, name in _ENTITIES:
            if pattern.search(words):
                return rng.choice(self.corpus.entities(name))
        if _TITLE.search(words):
            return rng.choice(self.corpus.entities(rng.choice(("books", "movies", "events"))))
        if _TEXT.search(words):
            if rng.random() < 0.15:
                return self.odd_texts.draw(rng)
            return rng.choice(self.sentences).rstrip(".")
        return self._name(rng)

    def _name(self, rng):
        form = rng.randrange(6)
        if form <= 2:
            name = f"{rng.choice(_ADJECTIVES)}{rng.choice('-_-')}{rng.choice(_OBJECTS)}"
            return name + (f"-{rng.randint(1, 30):02d}" if rng.random() < 0.4 else "")
        if form == 3:
            return rng.choice(_ADJECTIVES).capitalize() + rng.choice(_OBJECTS).capitalize() + (str(rng.randint(1, 9)) if rng.random() < 0.3 else "")
        return rng.choice(self.corpus.entities(rng.choice(("app_names", "nouns", "products", "ids_codes"))))
