//! What is scored and learned with random feature sets of every step equals vectors and a dense solve that are written here,
//! with the system's own functions and Gaussian elimination.

use crate::util::{Dialogue, Dir};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::f64::consts::TAU;

/// A dimension as it stands in the file, and what it makes of a request's candidate.
struct Stated {
    toml: String,
    values: Box<dyn Fn(&Value, usize) -> Vec<f64>>,
}

/// The value at `path` for candidate `k`, written a second time.
fn input(request: &Value, k: usize, path: &str) -> Value {
    let candidate = &request["candidates"][k];
    let (of, name) = path.split_once('.').unwrap();
    match of {
        "candidate" => candidate[name].clone(),
        "context" => request["context"][name].clone(),
        _ => {
            let profile = &request["profile_features"];
            let own = candidate["kind"].as_str().map_or(&Value::Null, |kind| &profile["by_kind"][kind][name]);
            if own.is_null() { profile[name].clone() } else { own.clone() }
        }
    }
}

/// MurmurHash3_x86_32 with seed 0, as Appleby's C has it, written a second time.
fn murmur3(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut hash = 0_u32;
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    for block in bytes.chunks_exact(4) {
        hash ^= mix(u32::from_le_bytes(block.try_into().unwrap()));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let tail = bytes.chunks_exact(4).remainder();
    let mut k = 0_u32;
    for (i, byte) in tail.iter().enumerate() {
        k ^= u32::from(*byte) << (8 * i);
    }
    hash ^= mix(k);
    hash ^= bytes.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Every sort of dimension, with numbers drawn at random; the last ones are crosses of those before.
#[expect(clippy::too_many_lines, reason = "a list")]
fn stated(rng: &mut ChaCha8Rng) -> Vec<Stated> {
    let mut draw = |low: f64, high: f64| {
        let x: f64 = low + (high - low) * rng.random::<f64>();
        (x * 1000.0).round() / 1000.0
    };
    let mut all: Vec<Stated> = Vec::new();
    let number =
        |name: &str, path: &'static str, steps: String, unknown: f64, of: Box<dyn Fn(f64) -> f64>| Stated {
            toml: format!("name = \"{name}\"\ninput = \"{path}\"\nsteps = [{steps}]\nunknown = {unknown}\n"),
            values: Box::new(move |request, k| vec![input(request, k, path).as_f64().map_or(unknown, &of)]),
        };
    let (low, high, by) = (draw(-5.0, 0.0), draw(1.0, 20.0), draw(1.0, 9.0));
    all.push(number(
        "clipped",
        "candidate.due_in_days",
        format!("{{ clip = {{ minimum = {low}, maximum = {high} }} }}, {{ divide = {by} }}"),
        draw(-1.0, 1.0),
        Box::new(move |x| x.clamp(low, high) / by),
    ));
    let by = draw(1.0, 20.0);
    all.push(number(
        "volume",
        "profile.tip_volume",
        format!("\"log1p\", {{ divide = {by} }}"),
        draw(0.0, 1.0),
        Box::new(move |x| (1.0 + x).ln() / by),
    ));
    let by = -draw(1.0, 9.0);
    all.push(number(
        "urgent",
        "candidate.due_in_days",
        format!("{{ divide = {by} }}, \"logistic\""),
        0.0,
        Box::new(move |x| 1.0 / (1.0 + (-x / by).exp())),
    ));
    let day = draw(0.0, 6.0).round();
    all.push(number(
        "day",
        "context.weekday",
        format!("{{ equals = {day} }}"),
        0.0,
        Box::new(move |x| f64::from(u8::from(x == day))),
    ));
    all.push(number(
        "days",
        "context.weekday",
        format!("{{ in = [{day}, {}] }}", (day + 3.0) % 7.0),
        0.0,
        Box::new(move |x| f64::from(u8::from(x == day || x == (day + 3.0) % 7.0))),
    ));
    all.push(Stated {
        toml: "name = \"bias\"\nconstant = 0.75\n".to_owned(),
        values: Box::new(|_, _| vec![0.75]),
    });
    let hour = |request: &Value, k: usize| {
        input(request, k, "candidate.hour").as_f64().or(input(request, k, "context.hour").as_f64()).unwrap()
    };
    all.push(Stated {
        toml: "name = \"hour\"\ninput = [\"candidate.hour\", \"context.hour\"]\nsteps = [\"cyclic\"]\n"
            .to_owned(),
        values: Box::new(move |request, k| {
            let angle = TAU * hour(request, k) / 24.0;
            vec![angle.sin(), angle.cos()]
        }),
    });
    let unknown = draw(-0.5, 0.5);
    all.push(Stated {
        toml: format!("name = \"aligned\"\ninput = [\"candidate.hour\", \"context.hour\"]\nsteps = [{{ align = \"profile.preferred_hour\" }}]\nunknown = {unknown}\n"),
        values: Box::new(move |request, k| {
            let other = input(request, k, "profile.preferred_hour").as_f64();
            vec![other.map_or(unknown, |other| (TAU * (hour(request, k) - other) / 24.0).cos())]
        }),
    });
    all.push(Stated {
        toml: "name = \"kind\"\ninput = \"candidate.kind\"\nsteps = [{ one_hot = [\"focus\", \"rest\"] }]\n"
            .to_owned(),
        values: Box::new(|request, k| {
            let kind = input(request, k, "candidate.kind");
            ["focus", "rest"].map(|level| f64::from(u8::from(kind == level))).to_vec()
        }),
    });
    all.push(Stated {
        toml: "name = \"id\"\ninput = \"candidate.id\"\nsteps = [{ hash = { bits = 2 } }]\n".to_owned(),
        values: Box::new(|request, k| {
            let hash = murmur3(&format!("id={}", input(request, k, "candidate.id").as_str().unwrap()));
            let mut values = vec![0.0; 4];
            values[(hash % 4) as usize] = if hash < 1 << 31 { 1.0 } else { -1.0 };
            values
        }),
    });
    // In another order each time.
    for i in (1..all.len()).rev() {
        let j = draw(0.0, i as f64).round() as usize;
        all.swap(i, j);
    }
    let cross =
        |a: &'static str, b: &'static str| format!("name = \"{a}-{b}\"\ncross = [\"{a}\", \"{b}\"]\n");
    let place = |all: &[Stated], name: &str| {
        all.iter().position(|own| own.toml.starts_with(&format!("name = \"{name}\"\n"))).unwrap()
    };
    let pairs = [("kind", "hour"), ("id", "clipped")];
    let products: Vec<(usize, usize, String)> =
        pairs.map(|(a, b)| (place(&all, a), place(&all, b), cross(a, b))).into_iter().collect();
    let first: Vec<_> = all.into_iter().map(|own| (own.toml, std::rc::Rc::new(own.values))).collect();
    let mut all: Vec<Stated> = Vec::new();
    for (toml, values) in &first {
        let values = std::rc::Rc::clone(values);
        all.push(Stated { toml: toml.clone(), values: Box::new(move |request, k| values(request, k)) });
    }
    for (a, b, toml) in products {
        let (a, b) = (std::rc::Rc::clone(&first[a].1), std::rc::Rc::clone(&first[b].1));
        let values = move |request: &Value, k: usize| {
            let (a, b) = (a(request, k), b(request, k));
            a.iter().flat_map(|x| b.iter().map(move |y| x * y)).collect()
        };
        all.push(Stated { toml, values: Box::new(values) });
    }
    all
}

fn request(rng: &mut ChaCha8Rng) -> Value {
    let mut maybe = |value: Value| if rng.random::<f64>() < 0.6 { value } else { Value::Null };
    let candidates: Vec<Value> = (0..4)
        .map(|k| {
            json!({"id": format!("c{k}"), "kind": maybe(json!(["focus", "rest", "other"][k % 3])),
                   "due_in_days": maybe(json!(k as f64 * 3.5 - 6.0)), "hour": maybe(json!(k * 5))})
        })
        .collect();
    json!({
        "user": "ann",
        "context": {"hour": f64::from(rng.random::<u32>() % 96) / 4.0, "weekday": rng.random::<u32>() % 7},
        "candidates": candidates,
        "profile_features": {"tip_volume": rng.random::<u32>() % 900, "preferred_hour": rng.random::<u32>() % 24,
                             "by_kind": {"focus": {"tip_volume": rng.random::<u32>() % 90}, "rest": {"preferred_hour": null}}},
    })
}

/// Solves a x = b by elimination with pivoting.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for c in 0..n {
        let pivot = (c..n).max_by(|i, j| a[*i][c].abs().total_cmp(&a[*j][c].abs())).unwrap();
        a.swap(c, pivot);
        b.swap(c, pivot);
        for i in c + 1..n {
            let f = a[i][c] / a[c][c];
            for j in c..n {
                a[i][j] -= f * a[c][j];
            }
            b[i] -= f * b[c];
        }
    }
    for i in (0..n).rev() {
        b[i] = (b[i] - (i + 1..n).map(|j| a[i][j] * b[j]).sum::<f64>()) / a[i][i];
    }
    b
}

#[test]
fn scores_and_states_are_those_of_a_dense_solve() {
    for seed in 0..3 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let stated = stated(&mut rng);
        // Every other one of the plain ones is there for crosses alone.
        let hidden = |i: usize| seed == 1 && i % 2 == 1 && i < 10;
        let mut file = "name = \"random\"\n".to_owned();
        for (i, own) in stated.iter().enumerate() {
            file += &format!("\n[[dimensions]]\n{}hidden = {}\n", own.toml, hidden(i));
        }
        let vector = |request: &Value, k: usize| -> Vec<f64> {
            let shown = stated.iter().enumerate().filter(|(i, _)| !hidden(*i));
            shown.flat_map(|(_, own)| (own.values)(request, k)).collect()
        };
        let dir = Dir::new();
        dir.write("random.toml", &file);
        dir.write(
            "own.toml",
            "name = \"own\"\nexplorer = \"linucb\"\nalpha = 0\nlambda = 0.5\nfeatures = \"random.toml\"\n",
        );
        let mut score = Dialogue::new(&dir, &["score", "--policy", "own.toml", "--jsonl"]);
        let mut reward = Dialogue::new(&dir, &["reward", "--policy", "own.toml", "--jsonl"]);
        let dim = vector(&request(&mut rng), 0).len();
        let (mut a, mut b) = (vec![vec![0.0; dim]; dim], vec![0.0; dim]);
        (0..dim).for_each(|i| a[i][i] = 0.5);
        for step in 0..60 {
            let request = request(&mut rng);
            let answer = score.ask(&request);
            let theta = solve(a.clone(), b.clone());
            for (k, candidate) in answer["candidates"].as_array().unwrap().iter().enumerate() {
                let expected: f64 = vector(&request, k).iter().zip(&theta).map(|(x, t)| x * t).sum();
                let actual = candidate["score"].as_f64().unwrap();
                let near = (actual - expected).abs() <= 1e-9 * expected.abs().max(1.0);
                assert!(near, "seed {seed}, step {step}, candidate {k}: {actual} is not {expected}\n{file}");
            }
            let chosen = answer["chosen"].as_str().unwrap()[1..].parse::<usize>().unwrap();
            let (name, worth) = [("completed", 1.0), ("snoozed", 0.25), ("dismissed", -0.5)][step % 3];
            reward.ask(&json!({"decision": answer["decision_id"], "reaction": name}));
            let x = vector(&request, chosen);
            for i in 0..dim {
                (0..dim).for_each(|j| a[i][j] += x[i] * x[j]);
                b[i] += worth * x[i];
            }
        }
        score.end();
        reward.end();
        let state = dir.json("state/ann_own.json");
        assert_eq!((state["feature_set"].as_str(), state["D"].as_u64()), (Some("random"), Some(dim as u64)));
        for (own, expected) in state["theta"].as_array().unwrap().iter().zip(solve(a, b)) {
            let own = own.as_f64().unwrap();
            assert!((own - expected).abs() <= 1e-8 * expected.abs().max(1.0), "{own} is not {expected}");
        }
        dir.run(&["verify"]).ok();
        // What explains a vector says the same of it.
        let request = request(&mut rng);
        let explained =
            dir.run_with(&["features", "explain", "random.toml", "--json"], request.to_string()).ok().json();
        for k in 0..4 {
            let own: Vec<f64> =
                explained[k]["vector"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let expected = vector(&request, k);
            assert!(
                own.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-12),
                "{own:?} is not {expected:?}"
            );
            let by_step: Vec<f64> = explained[k]["dimensions"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dimension| dimension["hidden"] == false)
                .flat_map(|dimension| {
                    dimension["values"].as_array().unwrap().iter().map(|pair| pair[1].as_f64().unwrap())
                })
                .collect();
            assert_eq!(by_step, own);
        }
    }
}
