use super::{Part, normalise};

/// What is said, letters in brackets, marks as they are, plain text as it is.
fn said(text: &str, british: bool) -> String {
    let knows = |word: &str| {
        ["hello", "main", "hosts", "docs", "get", "user", "rust", "lang", "value", "web", "src"]
            .contains(&word.to_lowercase().as_str())
    };
    let mut said = Vec::new();
    for piece in normalise(text, british, &crate::Lexicon::default(), &knows) {
        match piece.said {
            None => said.push(text[piece.range].to_owned()),
            Some(parts) => said.extend(parts.into_iter().map(|part| match part {
                Part::Words(words) => words,
                Part::Weak(word) => word.to_owned(),
                Part::Letters(letters) => format!("[{letters}]"),
                Part::Sounds(sounds) => format!("/{sounds}/"),
                Part::Mark(mark) => mark.to_string(),
            })),
        }
    }
    tight(&said.join(" "))
}

/// Without spaces before marks, which are pieces of their own or not.
fn tight(said: &str) -> String {
    [",", ".", "?"]
        .iter()
        .fold(said.to_owned(), |said, mark| said.replace(&format!(" {mark}"), mark))
}

#[test]
fn signs_are_put_in_words() {
    for (written, words) in [
        ("at 3:45.", "at three forty five ."),
        ("10:30 pm", "ten thirty [PM]"),
        ("17:00", "seventeen hundred"),
        ("at 3:00", "at three o'clock"),
        ("7:05", "seven oh five"),
        ("9 a.m. sharp", "nine [AM] sharp"),
        ("2026-11-22", "November twenty second , twenty twenty six"),
        ("11/22/2026", "November twenty second , twenty twenty six"),
        ("November 26, 2026", "November twenty sixth , twenty twenty six"),
        ("Nov. 5", "November fifth"),
        ("the 1990s", "the nineteen nineties"),
        ("21st", "twenty first"),
        ("3.14", "three point one four"),
        ("1,234", "one thousand two hundred thirty four"),
        ("1/2", "one half"),
        ("3½", "three and a half"),
        ("10-20", "ten to twenty"),
        ("-5 °C", "minus five degrees Celsius"),
        ("50%", "fifty percent"),
        ("$1,234.56", "one thousand two hundred thirty four dollars and fifty six cents"),
        ("€1.2k", "one point two thousand euros"),
        ("£3m", "three million pounds"),
        ("$5 million", "five million dollars"),
        ("$0.99", "ninety nine cents"),
        ("20 €", "twenty euros"),
        ("¥500", "five hundred yen"),
        ("100 km/h", "one hundred kilometers per hour"),
        ("16GB", "sixteen gigabytes"),
        ("5 ms", "five milliseconds"),
        ("1 kg", "one kilogram"),
        ("a 5-km run", "a five kilometer run"),
        ("v1.2.3", "version one point two point three"),
        ("192.168.0.1", "one nine two dot one six eight dot zero dot one"),
        ("555-123-4567", "five five five , one two three , four five six seven"),
        ("+1 (555) 123-4567", "plus one , five five five , one two three , four five six seven"),
        ("a.b@example.com", "[A] dot [B] at example dot com"),
        ("example.com/docs", "example dot com slash docs"),
        ("https://www.example.com/", "example dot com"),
        ("src/main.rs", "src slash main dot [RS]"),
        ("Dr. Smith", "Doctor Smith"),
        ("Elm Dr.", "Elm Drive ."),
        ("St. Mary", "Saint Mary"),
        ("Main St. is", "Main Street is"),
        ("e.g. this", "for example this"),
        ("and so on, etc.", "and so on, et cetera ."),
        ("Henry VIII", "Henry the eighth"),
        ("Chapter IV", "Chapter four"),
        ("#RustLang", "hashtag Rust Lang"),
        ("get_user_value", "get user value"),
        ("getUserValue", "get User Value"),
        ("main()", "main"),
        ("C++ and C#", "[C] plus plus and [C] sharp"),
        ("a -> b", "a arrow b"),
        ("a == b && c", "a equals b and c"),
        ("--help -v", "dash dash help dash [V]"),
        ("mp3", "[MP] three"),
        ("GPT-4o", "GPT- four [O]"),
        ("2 + 2 = 4", "two plus two equals four"),
        ("and/or", "and or"),
        ("it's fine, isn't it?", "it's fine, isn't it?"),
        ("[Sotto](/sˈɑtO/) speaks", "/sˈɑtO/ speaks"),
        ("1920x1080", "nineteen twenty by ten eighty"),
        ("10k users", "ten thousand users"),
        ("5'10\" tall", "five feet ten tall"),
        ("24/7", "twenty four seven"),
        ("1500 m", "one thousand five hundred meters"),
        ("in 1999", "in nineteen ninety nine"),
    ] {
        assert_eq!(said(written, false), tight(words), "{written}");
    }
}

#[test]
fn britain_says_it_otherwise() {
    for (written, words) in [
        ("11/12/2026", "the eleventh of December , twenty twenty six"),
        ("26 November 2026", "the twenty sixth of November twenty twenty six"),
        ("November 26", "November the twenty sixth"),
        ("350 people", "three hundred and fifty people"),
        ("5 km", "five kilometres"),
        ("£4.50", "four pounds and fifty pence"),
    ] {
        assert_eq!(said(written, true), tight(words), "{written}");
    }
}
