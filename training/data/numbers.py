"""English number words and the said forms of numbers, times, dates and durations."""

_ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
         "seventeen eighteen nineteen").split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
MONTHS = ("january february march april may june july august september october november december").split()


def number_words(n):
    """0..9999 in English words."""
    if n < 20:
        return _ONES[n]
    if n < 100:
        return _TENS[n // 10] + (f"-{_ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return _ONES[n // 100] + " hundred" + (f" and {number_words(n % 100)}" if n % 100 else "")
    return number_words(n // 1000) + " thousand" + (f" {number_words(n % 1000)}" if n % 1000 else "")


def say_number(rng, value, words):
    """Digits mostly; number words for some non-negative whole numbers when `words` allows it."""
    whole = isinstance(value, int)
    if words and whole and 0 <= value <= 100 and rng.random() < (0.3 if value <= 12 else 0.15):
        text = number_words(value)
        return text if rng.random() < 0.7 else text.replace("-", " ")
    if whole and value >= 1000 and rng.random() < 0.3:
        return f"{value:,}"
    return str(value)


def clock(rng):
    hour, minute = rng.randint(1, 12), rng.choice((0, 0, 0, 15, 30, 30, 45, 5, 10, 20, 40, 50, rng.randint(1, 59)))
    form = rng.randrange(9)
    half = rng.choice(("am", "pm"))
    if form == 0:
        return f"{rng.randint(0, 23):02d}:{minute:02d}"
    if form == 1:
        return f"{hour}{half}" if minute == 0 else f"{hour}:{minute:02d}{half}"
    if form == 2:
        return f"{hour} {half}" if minute == 0 else f"{hour}:{minute:02d} {half}"
    if form == 3:
        return rng.choice((f"half past {number_words(hour)}", f"quarter to {number_words(hour)}", f"quarter past {hour}",
                           f"ten past {number_words(hour)}", f"twenty to {number_words(hour)}", f"half past {hour}"))
    if form == 4:
        return number_words(hour) + rng.choice((" oclock", " o'clock"))
    if form == 5:
        return rng.choice(("noon", "midnight", "midday", f"{hour} in the morning", f"{hour} in the evening",
                           f"{hour} at night", f"{hour} in the afternoon", f"{number_words(hour)} in the morning"))
    if form == 6:
        return f"{hour}:{minute:02d}"
    if form == 7:
        return f"{number_words(hour)} {rng.choice(('thirty', 'fifteen', 'forty five', half, half))}"
    return f"{hour}.{minute:02d}" if minute else f"{hour} {half.upper()}"


def ordinal(n):
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _name(rng, names):
    name = rng.choice(names)
    return name.capitalize() if rng.random() < 0.6 else name


def day(rng):
    form = rng.randrange(10)
    if form == 0:
        return rng.choice(("today", "tomorrow", "tomorrow", "tonight", "yesterday", "the day after tomorrow"))
    if form == 1:
        return _name(rng, DAYS)
    if form == 2:
        return f"{rng.choice(('next', 'this', 'this coming', 'last'))} {_name(rng, DAYS)}"
    if form == 3:
        return f"{_name(rng, MONTHS)} {rng.randint(1, 28)}"
    if form == 4:
        return f"{_name(rng, MONTHS)} {ordinal(rng.randint(1, 30))}"
    if form == 5:
        return f"the {ordinal(rng.randint(1, 30))}"
    if form == 6:
        return f"{rng.randint(1, 28)} {_name(rng, MONTHS)}" + (f" {rng.randint(2023, 2028)}" if rng.random() < 0.4 else "")
    if form == 7:
        return f"{rng.randint(2022, 2028)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    if form == 8:
        return f"the {ordinal(rng.randint(1, 30))} of {_name(rng, MONTHS)}"
    return rng.choice(("next week", "this weekend", "next month", "in two weeks", "in three days", "new year's eve",
                       "the end of the month", f"{rng.randint(1, 12)}/{rng.randint(1, 28)}", "a week from now",
                       f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.", "monday week", "christmas day"))


def day_time(rng):
    form = rng.randrange(7)
    if form <= 2:
        return f"{day(rng)} at {clock(rng)}"
    if form == 3:
        return f"{clock(rng)} {rng.choice(('tomorrow', 'today', 'on ' + _name(rng, DAYS), 'on the ' + ordinal(rng.randint(1, 30))))}"
    if form == 4:
        return f"{rng.choice(('tomorrow', _name(rng, DAYS), 'this', 'next ' + _name(rng, DAYS)))} {rng.choice(('morning', 'afternoon', 'evening'))}"
    if form == 5:
        return f"in {duration(rng)}"
    return f"{rng.randint(2023, 2028)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} {rng.randint(0, 23):02d}:{rng.choice((0, 15, 30, 45)):02d}"


def duration(rng):
    form = rng.randrange(10)
    if form <= 3:
        n = rng.choice((2, 3, 5, 10, 12, 15, 20, 25, 30, 40, 45, 90, rng.randint(2, 120)))
        return f"{n} {rng.choice(('minutes', 'minutes', 'minutes', 'mins', 'min'))}"
    if form == 4:
        return f"{rng.randint(2, 12)} hours"
    if form == 5:
        return rng.choice(("half an hour", "an hour", "an hour and a half", "a minute", "a quarter of an hour",
                           "two and a half hours", "a couple of hours", "three quarters of an hour"))
    if form == 6:
        return f"{number_words(rng.randint(2, 30))} {rng.choice(('minutes', 'seconds', 'hours'))}"
    if form == 7:
        return f"{rng.choice((10, 15, 20, 30, 45, 60, 90))} seconds"
    if form == 8:
        hours, minutes = rng.randint(2, 4), rng.choice((5, 10, 15, 20, 30, 45))
        return f"{hours} h {minutes} min" if rng.random() < 0.5 else f"{hours} hours and {minutes} minutes"
    return f"{rng.randint(2, 14)} {rng.choice(('days', 'days', 'weeks'))}"
