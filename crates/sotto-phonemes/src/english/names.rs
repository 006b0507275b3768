//! Words that misaki's dictionaries lack or get wrong: of computing, of the news, and names whose spelling
//! does not tell how they are said.
//!
//! A value beyond ASCII is sounds, as [`dialect`](super::dialect) reads them; any other is words that sound
//! alike, which a plus joins to one. Keys are lower case.

use std::collections::HashMap;

#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    // Computing.
    ("sotto", "sˈɒtO"), ("kokoro", "kəkˈɔɹO"), ("kubernetes", "kˌubəɹnˈɛtiz"), ("kubectl", "cube control"), ("k8s", "kates"),
    ("postgresql", "pˈOstɡɹɛs kjˌuˈɛl"), ("postgres", "pˈOstɡɹɛs"), ("mysql", "mI ˌɛskjˌuˈɛl"), ("sqlite", "ˌɛskjˌulˈIt"), ("nosql", "no sequel"),
    ("axum", "ˈæksəm"), ("serde", "sˈɜɹdi"), ("tokio", "tˈOkiO"), ("async", "ˈAsˌɪŋk"), ("sync", "sˈɪŋk"), ("nginx", "ˈɛnʤən ˈɛks"),
    ("redis", "ɹˈɛdɪs"), ("graphql", "graph QL"), ("sudo", "sˈudu"), ("stdin", "standard in"), ("stdout", "standard out"), ("stderr", "standard error"),
    ("param", "pəɹˈæm"), ("params", "pəɹˈæmz"), ("args", "ˈɑɹɡz"), ("arg", "ˈɑɹɡ"), ("init", "ɪnˈɪt"), ("enum", "ˈinəm"), ("enums", "ˈinəmz"),
    ("struct", "stɹˈʌkt"), ("structs", "stɹˈʌkts"), ("impl", "ˈɪmpᵊl"), ("bool", "bˈul"), ("int", "ˈɪnt"), ("ints", "ˈɪnts"), ("str", "string"), ("src", "source"),
    ("usr", "user"), ("tmp", "temp"), ("cfg", "config"), ("config", "kˈɒnfɪɡ"), ("configs", "kˈɒnfɪɡz"), ("ctx", "context"), ("req", "request"), ("btn", "button"), ("msg", "message"),
    ("auth", "ˈɔθ"), ("oauth", "O auth"), ("regex", "ɹˈɛʤɛks"), ("json", "ʤˈAsən"), ("yaml", "jˈæmᵊl"), ("toml", "tˈɒmᵊl"), ("wasm", "wˈɒzəm"),
    ("npm", "ˌɛnpˌiˈɛm"), ("webpack", "web+pack"), ("vite", "vˈit"), ("vue", "vjˈu"), ("deno", "dˈinO"), ("numpy", "nˈʌmpˌI"), ("scipy", "sˈIpˌI"),
    ("pytorch", "pie+torch"), ("pandas", "pˈændəz"), ("jupyter", "Jupiter"), ("django", "ʤˈæŋɡO"), ("numba", "nˈʌmbə"), ("cuda", "kˈudə"),
    ("nvidia", "ɪnvˈɪdiə"), ("amd", "ˌAˌɛmdˈi"), ("intel", "ˈɪntɛl"), ("asus", "AsˈuS"), ("linux", "lˈɪnəks"), ("ubuntu", "ubˈuntu"), ("debian", "dˈɛbiən"),
    ("gnome", "nˈOm"), ("macos", "mack OS"), ("ios", "I OS"), ("ipados", "I pad OS"), ("wifi", "wˈIfˌI"), ("https", "ˌAʧtˌitˌipˌiˈɛs"), ("ai", "ˌAˈI"),
    ("llm", "ˌɛlˌɛlˈɛm"), ("chatgpt", "chat GPT"), ("openai", "open AI"), ("anthropic", "ænθɹˈɒpɪk"), ("ollama", "olˈɑmə"), ("llama", "lˈɑmə"),
    ("webrtc", "web RTC"), ("websocket", "web+socket"), ("websockets", "web+sockets"), ("localhost", "local+host"), ("github", "git+hub"), ("gitlab", "git+lab"),
    ("vscode", "VS code"), ("neovim", "nˈiOvˌɪm"), ("vim", "vˈɪm"), ("emacs", "ˈimæks"), ("grep", "ɡɹˈɛp"), ("awk", "ˈɔk"), ("chmod", "change mod"), ("mkdir", "make dir"),
    ("dir", "dˈɪɹ"), ("cron", "kɹˈɒn"), ("daemon", "dˈimən"), ("tuple", "tˈupᵊl"), ("tuples", "tˈupᵊlz"), ("mutex", "mjˈutɛks"), ("dev", "dˈɛv"), ("devs", "dˈɛvz"),
    ("devops", "dˈɛvɒps"), ("admin", "ˈædmˌɪn"), ("repo", "ɹˈipˌO"), ("repos", "ɹˈipˌOz"), ("emoji", "ɪmˈOʤi"), ("captcha", "kˈæpʧə"), ("sass", "sˈæs"), ("saas", "sˈæs"), ("iot", "ˌIˌOtˈi"),
    ("xcode", "X code"), ("unix", "jˈunɪks"), ("posix", "pˈɒzɪks"), ("ascii", "ˈæski"), ("utf", "ˌjutˌiˈɛf"), ("docker", "dˈɒkəɹ"), ("dockerfile", "docker+file"), ("ansible", "ˈænsəbᵊl"),
    ("terraform", "tˈɛɹəfɔɹm"), ("kafka", "kˈɑfkə"), ("rabbitmq", "rabbit MQ"), ("mongodb", "mongo DB"), ("mongo", "mˈɒŋɡO"), ("elasticsearch", "elastic search"), ("grafana", "ɡɹəfˈɑnə"),
    ("prometheus", "pɹəmˈiθiəs"), ("svelte", "svˈɛlt"), ("tailwind", "tail+wind"), ("typescript", "type+script"), ("javascript", "java+script"), ("kotlin", "kˈɒtlɪn"), ("haskell", "hˈæskᵊl"),
    ("cpython", "C python"), ("powershell", "power+shell"), ("bitcoin", "bit+coin"), ("ethereum", "ɪθˈɪɹiəm"), ("gif", "ɡˈɪf"), ("gifs", "ɡˈɪfs"), ("jpeg", "ʤˈApˌɛɡ"), ("gui", "ɡˈui"), ("opus", "ˈOpəs"),
    ("tts", "ˌtiˌtiˈɛs"), ("stt", "ˌɛsˌtitˈi"), ("etc", "et cetera"), ("qwen", "kwˈɛn"), ("mistral", "mˈɪstɹəl"), ("pnpm", "ˌpiˌɛnpˌiˈɛm"), ("nextjs", "next JS"), ("sha", "ʃˈɑ"), ("url", "ˌjuˌɑɹˈɛl"),
    // Units that dictionaries lack.
    ("kibibyte", "kˈɪbibˌIt"), ("kibibytes", "kˈɪbibˌIts"), ("mebibyte", "mˈɛbibˌIt"), ("mebibytes", "mˈɛbibˌIts"), ("gibibyte", "ɡˈɪbibˌIt"), ("gibibytes", "ɡˈɪbibˌIts"),
    ("tebibyte", "tˈɛbibˌIt"), ("tebibytes", "tˈɛbibˌIts"), ("petabyte", "pˈɛtəbˌIt"), ("petabytes", "pˈɛtəbˌIts"), ("kilobit", "kˈɪləbˌɪt"), ("kilobits", "kˈɪləbˌɪts"),
    ("megabit", "mˈɛɡəbˌɪt"), ("megabits", "mˈɛɡəbˌɪts"), ("gigabit", "ɡˈɪɡəbˌɪt"), ("gigabits", "ɡˈɪɡəbˌɪts"), ("milliamp", "milli amp"), ("milliamps", "milli amps"), ("milli", "mˈɪli"),
    // Food and borrowed words.
    ("acai", "ˌɑsˌIˈi"), ("gnocchi", "njˈɒki"), ("bruschetta", "bɹuskˈɛtə"), ("pho", "fˈʌ"), ("gyro", "jˈɪɹO"), ("ciabatta", "ʧəbˈɑtə"), ("prosciutto", "pɹəʃˈutO"), ("matcha", "mˈæʧə"),
    ("uber", "ˈubəɹ"), ("fiance", "fiˌɑnsˈA"), ("fiancee", "fiˌɑnsˈA"), ("creme", "kɹˈɛm"), ("brulee", "bɹulˈA"), ("jalapeno", "hˌɑləpˈAnjO"), ("pinata", "pɪnjˈɑtə"), ("senor", "sAnjˈɔɹ"),
    ("manana", "mənjˈɑnə"), ("smorgasbord", "smˈɔɹɡəsbˌɔɹd"), ("zeitgeist", "zˈItɡˌIst"), ("schadenfreude", "ʃˈɑdᵊnfɹˌYdə"), ("tsunami", "sunˈɑmi"), ("karaoke", "kˌæɹiˈOki"), ("touche", "tuʃˈA"),
    ("melee", "mˈAlˌA"), ("facade", "fəsˈɑd"), ("soiree", "swɑɹˈA"), ("decor", "dAkˈɔɹ"), ("doppelganger", "dˈɒpᵊlɡˌæŋəɹ"), ("ennui", "ɑnwˈi"), ("hors", "ˈɔɹ"), ("voila", "vwɑlˈɑ"),
    ("bashrc", "bash RC"), ("phd", "PHD"), ("ctrl", "control"), ("println", "print line"), ("printf", "print F"), ("gmail", "ʤˈimˌAl"), ("xbox", "ˈɛksbɒks"), ("vec", "vˈɛk"), ("zshrc", "ZSH RC"), ("backend", "back+end"), ("backends", "back+ends"), ("jpg", "ʤˈApˌɛɡ"), ("std", "standard"), ("deja", "dˈAʒɑ"),
    // Interjections.
    ("hmm", "hˈʌm"), ("hm", "hˈʌm"), ("mm", "hˈʌm"), ("mmm", "hˈʌm"), ("brr", "bˈɜɹ"), ("ugh", "ˈʌɡ"), ("tsk", "tˈɪsk"), ("zzz", "zˈi"), ("shh", "ʃ"), ("shhh", "ʃ"), ("psst", "pˈst"), ("nth", "ˈɛnθ"),
    ("'twas", "twˈʌz"), ("'tis", "tˈɪz"), ("'cause", "kˈʌz"), ("'til", "tˈɪl"), ("'bout", "əbˈWt"),
    // Names of people.
    ("brien", "bɹˈIən"), ("schwarzenegger", "ʃwˈɔɹtsənˌɛɡəɹ"),
    ("siobhan", "ʃəvˈɔn"), ("saoirse", "sˈɜɹʃə"), ("niamh", "nˈiv"), ("aoife", "ˈifə"), ("caoimhe", "kˈivə"), ("nguyen", "wˈɪn"), ("joaquin", "wɑkˈin"), ("jose", "hOzˈA"), ("beyonce", "biˈɒnsA"),
    ("xi", "ʃˈi"), ("jinping", "ʤɪnpˈɪŋ"), ("zelensky", "zəlˈɛnski"), ("zelenskyy", "zəlˈɛnski"), ("tchaikovsky", "ʧIkˈɔfski"), ("dvorak", "dvˈɔɹʒæk"), ("goethe", "ɡˈɜtə"), ("nietzsche", "nˈiʧə"),
    ("kierkegaard", "kˈɪɹkəɡˌɑɹd"), ("camus", "kæmˈu"), ("descartes", "dAkˈɑɹt"), ("euler", "ˈYləɹ"), ("dijkstra", "dˈIkstɹə"), ("knuth", "kənˈuθ"), ("torvalds", "tˈɔɹvɑlts"), ("linus", "lˈInəs"),
    ("hawking", "hˈɔkɪŋ"), ("schrodinger", "ʃɹˈOdɪŋəɹ"), ("heisenberg", "hˈIzᵊnbˌɜɹɡ"), ("pythagoras", "pəθˈæɡəɹəs"), ("hermione", "həɹmˈIəni"), ("sean", "ʃˈɔn"), ("ian", "ˈiən"), ("yvonne", "ivˈɒn"),
    ("zoe", "zˈOi"), ("chloe", "klˈOi"), ("imogen", "ˈɪməʤən"), ("rhys", "ɹˈis"), ("hugh", "hjˈu"), ("geoffrey", "ʤˈɛfɹi"), ("leicester", "lˈɛstəɹ"), ("francois", "fɹɑnswˈɑ"), ("jacques", "ʒˈɑk"),
    ("giovanni", "ʤˌiəvˈɑni"), ("giuseppe", "ʤuzˈɛpi"), ("bjork", "bjˈɔɹk"), ("soren", "sˈɔɹən"), ("angela", "ˈænʤələ"), ("merkel", "mˈɛɹkᵊl"), ("macron", "məkɹˈɒn"), ("kamala", "kˈɑmələ"),
    ("elon", "ˈilɒn"), ("musk", "mˈʌsk"), ("altman", "ˈɔltmən"), ("sundar", "sˈʊndɑɹ"), ("pichai", "pɪʧˈI"), ("satya", "sˈʌtjə"), ("nadella", "nədˈɛlə"), ("modi", "mˈOdi"), ("lula", "lˈulə"),
    ("wojciech", "vˈɔɪʧɛx"), ("krzysztof", "kʃˈɪʃtɒf"), ("agnieszka", "ɑɡnjˈɛʃkə"), ("matthias", "məθˈIəs"), ("jurgen", "jˈɜɹɡən"), ("hiroshi", "hɪɹˈOʃi"), ("yuki", "jˈuki"), ("wei", "wˈA"),
    ("zhang", "ʒˈɑŋ"), ("zhao", "ʤˈW"), ("xiao", "ʃˈW"), ("qing", "ʧˈɪŋ"), ("huawei", "wˈɑwˌA"), ("xiaomi", "ʃˈWmi"), ("hyundai", "hˈʌndA"), ("porsche", "pˈɔɹʃə"), ("volkswagen", "vˈOksvˌɑɡən"),
    ("peugeot", "pɜɹʒˈO"), ("renault", "ɹɛnˈO"), ("hermes", "hˈɜɹmiz"), ("ikea", "IkˈiA"), ("adidas", "ədˈidəs"), ("nike", "nˈIki"), ("spotify", "spˈɒtɪfˌI"), ("airbnb", "air B N B"), ("tiktok", "tick+tock"),
    ("whatsapp", "whats app"), ("youtube", "you+tube"), ("linkedin", "linked in"), ("paypal", "pay+pal"), ("reddit", "ɹˈɛdɪt"), ("wikipedia", "wˌɪkəpˈidiə"), ("netflix", "nˈɛtflˌɪks"),
    // Places.
    ("krakow", "kɹˈɑkW"), ("lodz", "wˈuʤ"), ("gdansk", "ɡədˈænsk"), ("reykjavik", "ɹˈAkjəvˌɪk"), ("kyiv", "kˈiv"), ("kharkiv", "kˈɑɹkiv"), ("edinburgh", "ˈɛdɪnbəɹə"), ("worcester", "wˈʊstəɹ"),
    ("gloucester", "ɡlˈɒstəɹ"), ("loughborough", "lˈʌfbəɹə"), ("thames", "tˈɛmz"), ("versailles", "vɛɹsˈI"), ("marseille", "mɑɹsˈA"), ("montpellier", "mˌɒnpɛljˈA"), ("munich", "mjˈunɪk"),
    ("dusseldorf", "dˈʊsᵊldˌɔɹf"), ("malmo", "mˈælmO"), ("aarhus", "ˈɔɹhus"), ("tromso", "tɹˈɒmsO"), ("yosemite", "jOsˈɛməti"), ("tucson", "tˈusɒn"), ("boise", "bˈYsi"), ("qatar", "kətˈɑɹ"),
    ("dubai", "dubˈI"), ("beijing", "bAʤˈɪŋ"), ("guangzhou", "ɡwˈɑŋʤO"), ("shenzhen", "ʃˈʌnʤˌʌn"), ("phuket", "pukˈɛt"), ("oaxaca", "wəhˈɑkə"), ("tijuana", "tˌiəwˈɑnə"), ("bogota", "bˌOɡətˈɑ"),
    ("sao", "sˈW"), ("paulo", "pˈWlO"), ("cote", "kˈOt"), ("zurich", "zˈʊɹɪk"), ("antarctica", "æntˈɑɹktɪkə"), ("worcestershire", "wˈʊstəɹʃəɹ"),
    // Left out or wrong elsewhere.
    ("covid", "kˈOvˌɪd"), ("vaxxed", "vˈækst"), ("miz", "mˈɪz"), ("cetera", "sˈɛtəɹə"), ("hashtag", "hˈæʃtˌæɡ"), ("paise", "pˈIsA"), ("kurus", "kəɹˈuʃ"), ("jeon", "ʤˈʌn"),
    ("kronor", "kɹˈOnəɹ"), ("tilde", "tˈɪldə"), ("ok", "ˌOkˈA"), ("vlogger", "vlˈɒɡəɹ"), ("y'all", "jˈɔl"), ("gonna", "ɡˈʌnə"), ("o'clock", "əklˈɒk"),
];

/// The names, to be looked up.
pub(crate) fn table() -> HashMap<&'static str, &'static str> {
    NAMES.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use crate::english::dialect;
    use crate::vocabulary;

    #[test]
    fn each_name_is_there_once_in_small_letters_and_can_be_said() {
        let mut names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        for (name, said) in NAMES {
            assert_eq!(*name, name.to_lowercase());
            if !said.is_ascii() {
                for british in [false, true] {
                    let said = dialect::said(said, british);
                    assert!(said.chars().all(vocabulary::contains), "{name}: {said}");
                }
            }
        }
    }
}
