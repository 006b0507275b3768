//! Numbers in words.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [&str; 7] =
    ["", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion"];

/// "one hundred twenty three"; British: "one hundred and twenty three". Digits one by one where there is no
/// name for so many. `digits` are ASCII digits.
pub fn cardinal(digits: &str, british: bool) -> String {
    let number = digits.trim_start_matches('0');
    let Ok(number) = number.parse::<u64>() else {
        return if number.is_empty() { "zero".into() } else { one_by_one(digits) };
    };
    let mut groups = Vec::new();
    let mut rest = number;
    while rest > 0 {
        groups.push((rest % 1000) as usize);
        rest /= 1000;
    }
    let mut words = Vec::new();
    for (scale, &group) in groups.iter().enumerate().rev() {
        if group == 0 {
            continue;
        }
        if british && scale == 0 && group < 100 && !words.is_empty() {
            words.push("and");
        }
        hundreds(group, british, &mut words);
        if scale > 0 {
            words.push(SCALES[scale]);
        }
    }
    words.join(" ")
}

fn hundreds(number: usize, british: bool, words: &mut Vec<&'static str>) {
    if number >= 100 {
        words.extend([ONES[number / 100], "hundred"]);
        if british && !number.is_multiple_of(100) {
            words.push("and");
        }
    }
    match number % 100 {
        0 => {}
        small if small < 20 => words.push(ONES[small]),
        large => {
            words.push(TENS[large / 10]);
            if !large.is_multiple_of(10) {
                words.push(ONES[large % 10]);
            }
        }
    }
}

/// "zero two five".
pub fn one_by_one(digits: &str) -> String {
    let names = digits.bytes().filter(u8::is_ascii_digit).map(|d| ONES[(d - b'0') as usize]);
    names.collect::<Vec<_>>().join(" ")
}

/// "twenty first". `digits` are ASCII digits.
pub fn ordinal(digits: &str, british: bool) -> String {
    let cardinal = cardinal(digits, british);
    let (head, last) = cardinal.rsplit_once(' ').map_or(("", &*cardinal), |(h, l)| (h, l));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    if head.is_empty() { last } else { format!("{head} {last}") }
}

/// "nineteen eighty four", "two thousand six", "nineteen oh five".
pub fn year(year: u32, british: bool) -> String {
    let small = |n: u32| cardinal(&n.to_string(), british);
    let (century, rest) = (year / 100, year % 100);
    match (century, rest) {
        (0..10 | 100.., _) => small(year),
        (_, 0..10) if century.is_multiple_of(10) => small(year),
        (_, 0) => format!("{} hundred", small(century)),
        (_, 1..10) => format!("{} oh {}", small(century), small(rest)),
        _ => format!("{} {}", small(century), small(rest)),
    }
}

/// Whether people say these four digits in two pairs even where no year is meant.
pub fn like_a_year(digits: &str) -> Option<u32> {
    let year: u32 = (digits.len() == 4).then(|| digits.parse().ok())??;
    (1100..2100).contains(&year).then_some(year)
}

/// "three point one four".
pub fn decimal(whole: &str, fraction: &str, british: bool) -> String {
    let whole = if whole.is_empty() { "zero".to_owned() } else { cardinal(whole, british) };
    if fraction.is_empty() { whole } else { format!("{whole} point {}", one_by_one(fraction)) }
}

/// "three quarters", "one half", "five over twelve".
pub fn fraction(above: u32, below: u32, british: bool) -> Option<String> {
    let count = cardinal(&above.to_string(), british);
    Some(match below {
        2 => format!("{count} {}", if above == 1 { "half" } else { "halves" }),
        4 => format!("{count} {}", if above == 1 { "quarter" } else { "quarters" }),
        3 | 5..=10 | 12 | 16 | 20 | 32 | 64 | 100 => {
            let part = ordinal(&below.to_string(), british);
            format!("{count} {part}{}", if above == 1 { "" } else { "s" })
        }
        0 | 1 => return None,
        _ => format!("{count} over {}", cardinal(&below.to_string(), british)),
    })
}

/// Digits inside a name (`sha256`, `h264`) or an address: pairs where they are easy to say.
pub fn in_a_name(digits: &str, british: bool) -> String {
    match digits.len() {
        _ if digits.starts_with('0') => one_by_one(digits),
        0..=2 => cardinal(digits, british),
        3 if digits.ends_with("00") => cardinal(digits, british),
        3 if digits.as_bytes()[1] == b'0' => {
            format!("{} oh {}", one_by_one(&digits[..1]), one_by_one(&digits[2..]))
        }
        3 => format!("{} {}", one_by_one(&digits[..1]), cardinal(&digits[1..], british)),
        4 if digits.ends_with("000") => cardinal(digits, british),
        4 if digits.ends_with("00") => format!("{} hundred", cardinal(&digits[..2], british)),
        4 if digits.as_bytes()[2] == b'0' => {
            format!("{} oh {}", cardinal(&digits[..2], british), one_by_one(&digits[3..]))
        }
        4 => format!("{} {}", cardinal(&digits[..2], british), cardinal(&digits[2..], british)),
        _ => one_by_one(digits),
    }
}

/// A Roman numeral up to 3999, written as it should be.
pub fn roman(letters: &str) -> Option<u32> {
    const VALUES: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = letters;
    let mut value = 0;
    for (worth, sign) in VALUES {
        let mut times = 0;
        while let Some(after) = rest.strip_prefix(sign) {
            times += 1;
            if times > 3 || times > 1 && (sign.len() > 1 || matches!(sign, "D" | "L" | "V")) {
                return None;
            }
            value += worth;
            rest = after;
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said() {
        assert_eq!(cardinal("0", false), "zero");
        assert_eq!(
            cardinal("1234567", false),
            "one million two hundred thirty four thousand five hundred sixty seven"
        );
        assert_eq!(cardinal("1005", true), "one thousand and five");
        assert_eq!(cardinal("110", true), "one hundred and ten");
        assert_eq!(cardinal("99999999999999999999", false), one_by_one("99999999999999999999"));
        assert_eq!(ordinal("21", false), "twenty first");
        assert_eq!(ordinal("20", false), "twentieth");
        assert_eq!(year(1905, false), "nineteen oh five");
        assert_eq!(year(2006, true), "two thousand and six");
        assert_eq!(year(2026, false), "twenty twenty six");
        assert_eq!(year(1900, false), "nineteen hundred");
        assert_eq!(decimal("3", "14", false), "three point one four");
        assert_eq!(fraction(3, 4, false).as_deref(), Some("three quarters"));
        assert_eq!(in_a_name("256", false), "two fifty six");
        assert_eq!(in_a_name("8080", false), "eighty eighty");
        assert_eq!(roman("XIV"), Some(14));
        assert_eq!(roman("IIII"), None);
        assert_eq!(roman("VX"), None);
    }
}
