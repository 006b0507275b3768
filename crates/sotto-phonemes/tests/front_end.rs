//! The front end as its users see it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use proptest::prelude::*;
use sotto_phonemes::{Error, FrontEnd, Language, Lexicon, MOST_BYTES, Token, joined, vocabulary};

fn american() -> &'static FrontEnd {
    static FRONT_END: OnceLock<FrontEnd> = OnceLock::new();
    FRONT_END.get_or_init(|| {
        FrontEnd::load(Language::EnglishUs, Lexicon::default(), None).expect("English loads")
    })
}

fn british() -> &'static FrontEnd {
    static FRONT_END: OnceLock<FrontEnd> = OnceLock::new();
    FRONT_END.get_or_init(|| {
        FrontEnd::load(Language::EnglishGb, Lexicon::default(), None).expect("English loads")
    })
}

fn said(front_end: &FrontEnd, text: &str) -> String {
    joined(&front_end.phonemes(text).expect("English is read"))
}

/// What holds of every answer.
fn check(text: &str, tokens: &[Token]) {
    let mut end = 0;
    for token in tokens {
        assert!(token.source.start >= end && token.source.end <= text.len());
        assert!(token.source.start < token.source.end, "an empty stretch");
        assert!(
            text.is_char_boundary(token.source.start) && text.is_char_boundary(token.source.end)
        );
        assert!(!token.phonemes.is_empty());
        assert!(token.phonemes.chars().all(vocabulary::contains), "{}", token.phonemes);
        end = token.source.end;
    }
}

fn sources<'a>(text: &'a str, tokens: &[Token]) -> Vec<&'a str> {
    tokens.iter().map(|token| &text[token.source.clone()]).collect()
}

#[test]
fn each_token_is_a_word_or_a_mark_of_the_text() {
    let text = "Well — it's 3:45, “Dr. Smith” paid $5 million for café’s GPT-4o (again)…";
    let tokens = american().phonemes(text).unwrap();
    check(text, &tokens);
    assert_eq!(
        sources(text, &tokens),
        [
            "Well",
            "—",
            "it's",
            "3:45",
            ",",
            "“",
            "Dr.",
            "Smith",
            "”",
            "paid",
            "$5 million",
            "for",
            "café’s",
            "GPT-4o",
            "(",
            "again",
            ")",
            "…"
        ]
    );
}

#[test]
fn a_persons_words_come_first_and_may_be_given_in_the_text() {
    let own = Lexicon::parse("sotto: sˈOtO\nGIF: ʤˈɪf\nk8s: kˈAts\n").unwrap();
    let front_end = FrontEnd::load(Language::EnglishUs, own, None).unwrap();
    assert_eq!(said(&front_end, "Sotto's GIF."), "sˈOtOz ʤˈɪf.");
    assert_eq!(said(&front_end, "k8s!"), "kˈAts!");
    let text = "Say [tomato](/təmˈɑtO/) now.";
    let tokens = front_end.phonemes(text).unwrap();
    assert_eq!(joined(&tokens), "sˈA təmˈɑtO nˈW.");
    assert_eq!(sources(text, &tokens), ["Say", "[tomato](/təmˈɑtO/)", "now", "."]);
}

#[test]
fn what_says_nothing_is_nothing() {
    for text in ["", " ", "\n\t", "🙂", "***", "\u{200B}", "日本語", "- - -"] {
        let tokens = american().phonemes(text).unwrap();
        check(text, &tokens);
        assert!(tokens.iter().all(|token| token.phonemes == "—"), "{text}");
    }
}

#[test]
fn hostile_text_is_read_in_time() {
    let cases = [
        "(".repeat(4_000),
        "a".repeat(10_000),
        "é".repeat(4_000),
        "1".repeat(10_000),
        "1,".repeat(4_000),
        "a.".repeat(4_000),
        "[a](/".repeat(1_600),
        "$1-$1-".repeat(1_600),
        "x(".repeat(4_000),
        "'".repeat(10_000),
        "A".repeat(10_000),
        "http://".repeat(1_400),
        "a\u{301}\u{301}\u{301}\u{301}\u{301}".repeat(800),
        "1:1:".repeat(2_400),
        "\u{202E}\u{FEFF}".repeat(1_000),
        "aB".repeat(4_000),
        "a_".repeat(4_000),
        "a@a.".repeat(2_000),
        "-".repeat(10_000),
        "½".repeat(4_000),
    ];
    for text in cases {
        let begun = Instant::now();
        let tokens = american().phonemes(&text).unwrap();
        check(&text, &tokens);
        let seconds = begun.elapsed().as_secs_f64();
        // Linear: the tagger takes the same time for each token. A development build on a busy machine is slow.
        assert!(seconds < 60.0, "{} took {seconds:.1} s", text.chars().take(6).collect::<String>());
    }
}

#[test]
fn a_long_text_is_read_and_a_longer_one_refused() {
    let text = "The quick brown fox paid $5 to jump over 12 lazy dogs at 3:45. ".repeat(800);
    assert!(text.len() > 50_000);
    let begun = Instant::now();
    check(&text, &american().phonemes(&text).unwrap());
    let seconds = begun.elapsed().as_secs_f64();
    assert!(seconds < 60.0, "took {seconds:.1} s");
    let longer = "a ".repeat(MOST_BYTES);
    assert!(matches!(american().phonemes(&longer), Err(Error::TooLong { .. })));
}

proptest! {
    // No file of failures is kept: what fails is written down as a case of its own.
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_is_read(text in "\\PC{0,24}|[-a-zA-Z0-9 .,:/$€%'\"()_#@+=<>*éß½²]{0,32}|(\\p{L}|\\p{N}|\\p{P}|\\p{S}|\\p{Z}|\\p{M}){0,16}") {
        check(&text, &american().phonemes(&text).unwrap());
    }
}

#[test]
fn britain_and_america_differ() {
    assert_eq!(said(british(), "The car is in the bath."), "ðə kˈɑː ɪz ɪn ðə bˈɑːθ.");
    assert_eq!(said(american(), "The car is in the bath."), "ðə kˈɑɹ ɪz ɪn ðə bˈæθ.");
}

#[test]
fn without_the_program_the_error_says_what_to_install() {
    let missing = Some(PathBuf::from("/nowhere/espeak-ng"));
    let error = FrontEnd::load(Language::French, Lexicon::default(), missing).unwrap_err();
    assert!(error.to_string().contains("install"), "{error}");
    assert!(error.to_string().contains("French"), "{error}");
}

/// The program, where it is installed; without it these tests say so and pass.
fn espeak(language: Language) -> Option<FrontEnd> {
    match FrontEnd::load(language, Lexicon::parse("sotto: sˈOto").expect("a lexicon"), None) {
        Ok(front_end) => Some(front_end),
        Err(Error::NoProgram { .. }) => {
            eprintln!("espeak-ng is not installed: nothing is tested");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn spanish_is_read_by_the_program() {
    let Some(front_end) = espeak(Language::Spanish) else { return };
    let text = "¿Tengo 125 amigos, Sotto? ¡El jalapeño!";
    let tokens = front_end.phonemes(text).unwrap();
    check(text, &tokens);
    assert_eq!(
        sources(text, &tokens),
        ["Tengo", "125", "amigos", ",", "Sotto", "?", "El", "jalapeño", "!"]
    );
    assert_eq!(tokens[4].phonemes, "sˈOto");
    assert!(tokens[1].phonemes.contains(' '), "a number is several words");
    assert!(joined(&tokens).ends_with("xˌalapˈeɲo!"), "{}", joined(&tokens));
}

#[test]
fn all_languages_of_the_program_keep_to_the_vocabulary() {
    for (language, text) in [
        (Language::French, "Bonjour ! Il y a 3,5 kilos de pommes — c'est l'été, n'est-ce pas ?"),
        (Language::Italian, "Buongiorno, gli amici della città hanno 12 pizze."),
        (Language::Portuguese, "Bom dia! Você está bem? São 10:30 da manhã."),
        (Language::Hindi, "नमस्ते दुनिया, आप कैसे हैं?"),
        (Language::French, "§ 日本 ^^ \u{1F600} \n\n a\u{0}b -v --help <speak> [[abc]]"),
    ] {
        let Some(front_end) = espeak(language) else { return };
        let tokens = front_end.phonemes(text).unwrap();
        check(text, &tokens);
        assert!(tokens.len() > 2, "{language}: {}", joined(&tokens));
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_does_not_answer_is_given_up() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("sotto-phonemes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program: &Path = &folder.join("espeak-ng");
    std::fs::write(program, "#!/bin/sh\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let front_end =
        FrontEnd::load(Language::French, Lexicon::default(), Some(program.to_path_buf())).unwrap();
    let begun = Instant::now();
    let error = front_end.phonemes("bonjour").unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(begun.elapsed().as_secs() < 15);
    std::fs::write(program, "#!/bin/sh\nexit 3\n").unwrap();
    assert!(matches!(front_end.phonemes("bonjour"), Err(Error::Program(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}
