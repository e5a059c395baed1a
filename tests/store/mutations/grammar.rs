//! Inputs that are nearly what a reader wants, built by a grammar: bytes decide which way it goes at each point. What mutations
//! of bytes seldom find is here in reach: long names, many columns, many candidates, deep nesting, numbers in any notation.

use super::whole_files::{self, REWARDS};
use rehearsal::evaluation::log::LogFormat;

/// Rules: a name, and what it may become. `<x>` is another rule, `<x*>` it many times, `#` a running number.
type Rules = &'static [(&'static str, &'static [&'static str])];

/// Where rules call themselves no deeper than this.
const DEEPEST: usize = 400;

const COMMON: Rules = &[
    (
        "number",
        &[
            "0.5",
            "1",
            "0",
            "-1",
            "0.25",
            "1e-9",
            "1e308",
            "1e999",
            "-0.0",
            "NaN",
            "inf",
            "1,5",
            "1.234,5",
            "12 %",
            "$5",
            "1,0E5",
            "\u{2212}1",
            "0x1p3",
            "1_000",
            "+1",
            ".5",
            "5.",
            "00012",
            "9007199254740993",
            "1<digit*>",
            "0.<digit*>1",
            "1e<digit*>",
            "\u{0661}",
            "true",
            "",
            " ",
            "-",
            "N/A",
            "null",
        ],
    ),
    ("digit", &["0", "9"]),
    (
        "word",
        &[
            "a",
            "b",
            "c",
            "#",
            "i#",
            "<long*>",
            "",
            " a ",
            "\u{feff}",
            "\u{202e}",
            "\u{1b}[31m",
            "\u{0}",
            "\"",
            "'",
            "a b",
            "a|b",
            "a:b",
            "a,b",
            "\u{1f600}",
            "e\u{301}",
            "::error::",
            "../x",
            "=1+1",
            "-x",
        ],
    ),
    ("long", &["xxxxxxxx", "\u{e9}", "#"]),
];

const TABLE: Rules = &[
    ("start", &["<header>\n<row*>", "<column><tab-column*>\n<row*>", "\u{feff}<header>\r\n<row*>", "<row*>"]),
    (
        "header",
        &[
            "action,reward,propensity",
            "action,reward,propensity,user,timestamp",
            "action,reward,propensity<other*>",
            "action;reward;propensity",
            "action\treward\tpropensity",
            "item_id,click,propensity_score,position<other*>",
            "action,reward,propensity,category,price,new,device,orders",
            "a,b,c",
            "a<other*>",
            "\"action\",\"reward\",\"propensity\"",
            " action , reward , propensity ",
            "action,reward,propensity,action",
        ],
    ),
    ("other", &[",<column>", ",f#", ","]),
    ("tab-column", &["\t<column>", ";<column>"]),
    ("column", &["action", "reward", "propensity", "user", "timestamp", "<word>", "\"<word>\"", "a"]),
    (
        "row",
        &[
            "a,1,0.5\n",
            "<word>,<number>,<number>\n",
            "#,0,0.5\n",
            "a;1;0.5\n",
            "a\t1\t0.5\n",
            "\"<word>\",\"<number>\",<number>\r\n",
            "a,1,0.5,<word>,<moment>\n",
            "1,1,0.5,1<cells*>\n",
            "a,1,0.5<cells*>\n",
            "<cell><cells*>\n",
            "\n",
            "\"",
            "a,1,0.5,<word>,<number>,<number>,<word>,<number>\n",
            "<number>,<word>,<number>\n",
        ],
    ),
    ("cells", &[",<cell>", ","]),
    ("cell", &["<number>", "<word>", "\"<word>\"", "\"<word>\"\"<word>\"", "<moment>", "\"a\nb\""]),
    (
        "moment",
        &[
            "2019-11-24 00:00:17",
            "2019-11-24",
            "1574553600",
            "24/11/2019",
            "2019-11-24T00:00:17.123456789+25:61",
            "99999999999999999999",
            "2019-02-30",
            "-1",
            "<number>",
        ],
    ),
];

const VOWPAL_WABBIT: Rules = &[
    ("start", &["<decision*>"]),
    (
        "decision",
        &[
            "<action><action*>\n",
            "shared |<spaces*>\n<action><action*>\n",
            "shared |s <feature*>\n<labelled><action*>\n",
            "<line>\n",
        ],
    ),
    ("labelled", &["0:-1:0.5 |<space*>\n", "1:<number>:<number> |<space*>\n"]),
    (
        "action",
        &[
            "|i #\n",
            "0:-1:0.5 |i #\n",
            "|<space><spaces*>\n",
            "'<word> |<space>\n",
            "<number>:<number>:<number> <word>|<space>\n",
            "'#|i priority:<number> kind=<word>\n",
            "|i x\n",
            "|<space*>\n",
            "<line>\n",
        ],
    ),
    ("spaces", &["|<space>", " <feature>", "|<word>:<number> <feature*>"]),
    ("space", &["i <feature*>", " <feature>", "<word>:<number> <feature>", "i:2 <feature*>"]),
    (
        "feature",
        &[
            "x ",
            "f#:1 ",
            "priority:<number> ",
            "hour:<number> ",
            "<word>:<number> ",
            "kind=<word> ",
            "<word>=<word> ",
            "due_in_days:-1 ",
            "x:1:2 ",
            "<word>(<number>) ",
            ":<number> ",
            "completion_rate:0.5 ",
        ],
    ),
    (
        "line",
        &[
            "shared |u x",
            "ccb shared | a",
            "slates shared 0 | a",
            "ca 1:2:3 | a",
            "1:2:0.4 | a c",
            "<word>",
            "<number> | <feature*>",
            "\t",
            " ",
            "ccb action |a b",
            "# <word>",
            "1:-1:0.5 2:0:0.5 |i a",
            "0:0:0 |",
            "|",
        ],
    ),
];

const DSJSON: Rules = &[
    ("start", &["<line*>"]),
    (
        "line",
        &[
            "{\"_label_cost\":-1,\"_label_probability\":0.5,\"_label_Action\":1,\"_labelIndex\":0,\"a\":[1,2],\"c\":{<shared*>\"_multi\":[{\"_tag\":\"a\"<member*>},{\"_tag\":\"b\"<member*>}]},\"p\":[0.5,0.5]<extra*>}\n",
            "{\"_label_cost\":<value>,\"_label_probability\":<value>,\"_labelIndex\":0,\"c\":{<shared*>\"_multi\":[{\"x\":1}<one*>]},\"p\":[1<p*>]}\n",
            "{<any*>\"c\":{\"_multi\":[{\"_tag\":\"#\"<member*>}]},\"a\":[1],\"p\":[1]}\n",
            "{\"_label_cost\":0,\"_label_probability\":0.5,\"_labelIndex\":0,\"c\":{\"_multi\":[{\"n\":<deep>}]}}\n",
            "[CHECKPOINT INFO LINE]\n",
            "<deep>\n",
            "{}\n",
            "{\"RewardValue\":1,\"EventId\":\"<word>\"}\n",
            "\n",
        ],
    ),
    (
        "extra",
        &[
            ",\"EventId\":\"e#\"",
            ",\"Timestamp\":\"2019-11-24T00:00:17Z\"",
            ",\"pdrop\":<value>",
            ",\"_skipLearn\":true",
            ",\"_deferred\":true",
            ",\"o\":[{\"ActionTaken\":<value>}]",
            ",\"<text>\":<value>",
            ",\"_original_label_cost\":<value>",
            ",\"_outcomes\":[]",
        ],
    ),
    (
        "shared",
        &[
            "\"User\":{\"hour\":9<member*>},",
            "\"FromUrl\":[{\"hour\":9}<one*>],",
            "\"<text>\":<value>,",
            "\"s#\":<deep>,",
        ],
    ),
    ("one", &[",{\"_tag\":\"#\"<member*>}", ",{\"x\":#}", ",{}", ",<value>"]),
    ("p", &[",0", ",0.5", ",<value>"]),
    (
        "any",
        &[
            "\"_label_cost\":<value>,",
            "\"_label_probability\":<value>,",
            "\"_labelIndex\":<value>,",
            "\"_label_Action\":<value>,",
            "\"a\":<value>,",
            "\"<text>\":<value>,",
        ],
    ),
    (
        "member",
        &[
            ",\"priority\":<value>",
            ",\"j\":[{\"priority\":0.3}<one*>]",
            ",\"kind\":\"<text>\"",
            ",\"<text>\":<value>",
            ",\"f#\":1",
            ",\"i\":{\"id\":\"a\"<member*>}",
            ",\"completion_rate\":0.5",
            ",\"d\":<deep>",
        ],
    ),
    ("text", &["a", "#", "<long*>", "\\u0000", "\\ud800", "\\n", "\u{202e}", "_multi", "_tag", "", "hour"]),
    (
        "value",
        &[
            "1",
            "0.5",
            "-1",
            "null",
            "true",
            "\"<text>\"",
            "[<value><values*>]",
            "{\"a\":<value><member*>}",
            "1e400",
            "-0",
            "123456789012345678901234567890",
            "<deep>",
        ],
    ),
    ("values", &[",<value>", ",1"]),
    ("deep", &["1", "[<deep>]", "{\"a\":<deep>}", "[<deep>,<deep>]"]),
];

const OWN: Rules = &[
    ("start", &["<line*>\u{1e}<reward*>", "<line*>"]),
    (
        "line",
        &[
            "{\"decision_id\":\"d#\",\"user\":\"u\",\"policy\":\"p\",\"shadow\":false,\"chosen\":\"a\",\"propensity\":0.5,\"explored\":true,\"scores\":[0,0],\"propensities\":[0.5,0.5],\"seed\":1,\"request\":{\"context\":{\"hour\":8,\"weekday\":1},\"candidates\":[{\"id\":\"a\"<key*>},{\"id\":\"b\"}]},\"time_ms\":1}\n",
            "{\"decision_id\":\"d1\",\"user\":\"<text>\",\"policy\":\"<text>\",\"shadow\":<value>,\"chosen\":<value>,\"propensity\":<value>,\"explored\":null,\"scores\":<value>,\"propensities\":<value>,\"seed\":<value>,\"request\":{\"context\":{\"hour\":<value>,\"weekday\":1},\"candidates\":[{\"id\":\"a\"<key*>}<candidate*>],\"profile_features\":{\"by_kind\":{<kind*>\"k\":{}}}},\"time_ms\":1}\n",
            "{\"decision_id\":\"d1\",\"request\":<deep>}\n",
            "{\"decision_id\":<value><key*>}\n",
            "<deep>\n",
        ],
    ),
    (
        "reward",
        &[
            "{\"seq\":#,\"user\":\"u\",\"policy\":\"p\",\"op\":\"reward\",\"prev\":0,\"reward\":1,\"decision_id\":\"d1\",\"time_ms\":1}\n",
            "{\"seq\":<value>,\"user\":\"u\",\"policy\":\"p\",\"op\":\"<text>\",\"prev\":<value>,\"reward\":<value>,\"decision_id\":\"<text>\",\"time_ms\":<value>}\n",
            "<deep>\n",
            "{\"op\":\"reward\"<key*>}\n",
        ],
    ),
    ("candidate", &[",{\"id\":\"#\"<key*>}", ",{\"id\":\"<text>\",\"kind\":<value>}"]),
    ("key", &[",\"kind\":\"<text>\"", ",\"priority\":<value>", ",\"<text>\":<value>", ",\"k#\":1"]),
    ("kind", &["\"k#\":{\"completion_rate\":0.5},", "\"<text>\":<value>,"]),
    ("text", &["a", "u#", "<long*>", "\\u0000", "\\ud800", "\\n", "reward", "reset", "d1", ""]),
    (
        "value",
        &[
            "1",
            "0.5",
            "null",
            "true",
            "\"<text>\"",
            "\"a\"",
            "[<value><values*>]",
            "{<kind*>\"a\":1}",
            "1e400",
            "-1",
            "18446744073709551616",
            "<deep>",
        ],
    ),
    ("values", &[",<value>", ",0.5"]),
    ("deep", &["1", "[<deep>]", "{\"a\":<deep>}", "[<deep>,<deep>]"]),
];

const TOML: Rules = &[
    (
        "start",
        &[
            "<entry*><table*>",
            "name = \"x\"\n<dimension*>",
            "key = \"x\"\n<variant*>",
            "name = \"x\"\nkind = \"k\"\n<input*><outcome*>",
        ],
    ),
    (
        "table",
        &[
            "[<key>]\n<entry*>",
            "[[<key>]]\n<entry*>",
            "[a<dotted*>]\n<entry>",
            "<dimension>",
            "<variant>",
            "<input>",
            "<outcome>",
        ],
    ),
    (
        "entry",
        &[
            "<key> = <value>\n",
            "name = \"x\"\n",
            "k# = 1\n",
            "a<dotted*> = 1\n",
            "<key> = <deep>\n",
            "description = \"<long*>\"\n",
            "# <word>\n",
        ],
    ),
    ("dotted", &[".a", ".\"<long*>\"", ".k#"]),
    (
        "key",
        &[
            "name",
            "key",
            "dimensions",
            "variants",
            "inputs",
            "outcomes",
            "weight",
            "steps",
            "input",
            "domain",
            "who",
            "namespace",
            "ramp",
            "guardrails",
            "\"<long*>\"",
            "nmae",
            "coverage",
            "salt",
        ],
    ),
    (
        "value",
        &[
            "1",
            "0.5",
            "\"a\"",
            "\"<long*>\"",
            "true",
            "[<value>, <values*>]",
            "{ a = <value> }",
            "21:30",
            "2019-11-24",
            "nan",
            "-inf",
            "1e400",
            "0x10",
            "'''<long*>'''",
            "99999999999999999999",
            "<deep>",
        ],
    ),
    ("values", &["<value>, ", "1, ", "\"v#\", "]),
    ("deep", &["1", "[<deep>]", "{ a = <deep> }", "[<deep>, <deep>]"]),
    (
        "dimension",
        &[
            "[[dimensions]]\nname = \"d#\"\nconstant = 1\n",
            "[[dimensions]]\nname = \"d#\"\ninput = \"candidate.priority\"\nsteps = [<step*>]\n",
            "[[dimensions]]\nname = \"c#\"\ncross = [<name*>]\n",
            "[[dimensions]]\nname = \"o#\"\ninput = \"candidate.kind\"\nsteps = [{ one_hot = [<values*>] }]\nhidden = true\n",
            "[[dimensions]]\nname = \"h#\"\ninput = \"candidate.id\"\nsteps = [{ hash = <value> }]\n",
            "[[dimensions]]\n<entry*>",
        ],
    ),
    (
        "step",
        &[
            "\"log1p\", ",
            "{ clip = [0, <value>] }, ",
            "{ divide = <value> }, ",
            "\"cyclic\", ",
            "{ logistic = [0, 1] }, ",
            "\"align\", ",
            "{ equals = <value> }, ",
            "{ in = [<values*>] }, ",
        ],
    ),
    ("name", &["\"o1\", ", "\"d#\", ", "\"o2\", ", "\"h3\", ", "\"<long*>\", "]),
    (
        "variant",
        &[
            "[[variants]]\nname = \"v#\"\n",
            "[[variants]]\nname = \"v#\"\nweight = <value>\nvalue = <deep>\n",
            "[[variants]]\n<entry*>",
            "[who]\n<entry*>",
            "ramp = [<values*>]\n",
        ],
    ),
    (
        "input",
        &[
            "[[inputs]]\nof = \"context\"\nname = \"n#\"\ntype = \"number\"\n",
            "[[inputs]]\nof = \"candidate\"\nname = \"k\"\ntype = \"category\"\n",
            "[[inputs]]\nof = \"profile\"\nname = \"p#\"\ntype = \"number\"\nminimum = <value>\nmaximum = <value>\n",
            "[[inputs]]\n<entry*>",
        ],
    ),
    (
        "outcome",
        &[
            "[[outcomes]]\nname = \"o#\"\nreward = 1\n",
            "[[outcomes]]\nname = \"o#\"\nreward = <value>\n",
            "[[outcomes]]\n<entry*>",
        ],
    ),
];

/// Bytes that decide, and chance from them when they are used up.
struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
    seed: u64,
}

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        if let Some(byte) = self.bytes.next() {
            self.seed = self.seed.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte);
            return *byte;
        }
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 56) as u8
    }

    /// How often something that may be there many times is.
    fn times(&mut self) -> usize {
        match self.byte() {
            0..80 => 1,
            80..140 => 2,
            140..180 => 0,
            180..220 => 3,
            220..240 => 20,
            240..248 => 300,
            248..254 => 5_000,
            _ => 100_000,
        }
    }
}

struct Writer<'b> {
    rules: Rules,
    choices: Choices<'b>,
    out: String,
    most: usize,
    running: usize,
}

impl Writer<'_> {
    fn write(&mut self, name: &str, depth: usize) {
        let rules = self.rules.iter().chain(COMMON);
        let (_, ways) =
            rules.clone().find(|(rule, _)| *rule == name).unwrap_or_else(|| panic!("no rule {name}"));
        // The first way is one that ends.
        let way = if depth > DEEPEST { ways[0] } else { ways[usize::from(self.choices.byte()) % ways.len()] };
        let mut rest = way;
        while let Some(at) = rest.find(['<', '#']) {
            self.out.push_str(&rest[..at]);
            if self.out.len() > self.most {
                return;
            }
            if rest.as_bytes()[at] == b'#' {
                self.running += 1;
                self.out.push_str(&self.running.to_string());
                rest = &rest[at + 1..];
                continue;
            }
            let end = at + rest[at..].find('>').expect("it is closed");
            let rule = &rest[at + 1..end];
            match rule.strip_suffix('*') {
                Some(rule) => {
                    for _ in 0..self.choices.times() {
                        if self.out.len() > self.most {
                            return;
                        }
                        self.write(rule, depth + 1);
                    }
                }
                None => self.write(rule, depth + 1),
            }
            rest = &rest[end + 1..];
        }
        self.out.push_str(rest);
    }
}

/// A text by these rules of not many more than `most` bytes, decided by `bytes`.
fn text(rules: Rules, bytes: &[u8], most: usize) -> String {
    let choices = Choices { bytes: bytes.iter(), seed: 0xcbf2_9ce4_8422_2325 };
    let mut writer = Writer { rules, choices, out: String::new(), most, running: 0 };
    writer.write("start", 0);
    writer.out
}

/// A log of any format that is text, of so many bytes at most, is read as [`whole_files::log_of`] says; how many it has.
pub fn logs(bytes: &[u8], most: usize) -> usize {
    let Some(([which, how], bytes)) = bytes.split_first_chunk() else { return 0 };
    let formats = [
        (TABLE, LogFormat::Csv),
        (TABLE, LogFormat::Obd),
        (VOWPAL_WABBIT, LogFormat::Vw),
        (DSJSON, LogFormat::Dsjson),
        (OWN, LogFormat::Rehearsal),
    ];
    let (rules, format) = formats[usize::from(which % 5)];
    let text = text(rules, bytes, most);
    assert!(text.bytes().filter(|byte| *byte == REWARDS).count() < 2);
    // Half of them have to be found out.
    whole_files::log_of(Some(format).filter(|_| which & 128 == 0), *how, text.as_bytes());
    text.len()
}

/// Tables and files in TOML likewise.
pub fn files(bytes: &[u8], most: usize) -> usize {
    let Some((which, bytes)) = bytes.split_first() else { return 0 };
    let (rules, body): (Rules, fn(&[u8])) = match which % 4 {
        0 => (TABLE, whole_files::labelled_table),
        1 => (TOML, whole_files::domain),
        2 => (TOML, whole_files::feature_set),
        _ => (TOML, whole_files::experiment),
    };
    let text = text(rules, bytes, most);
    body(text.as_bytes());
    text.len()
}
