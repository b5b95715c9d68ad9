// The standard library: collections, formatting, text, files and the error of a mistake.
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io::{self, Read, Write};

fn main() {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).unwrap();
    let mut counts: HashMap<char, usize> = HashMap::new();
    for c in text.chars() {
        *counts.entry(c).or_default() += 1;
    }
    let sorted: BTreeMap<_, _> = counts.into_iter().collect();
    println!("{sorted:?}");
    let mut queue: VecDeque<u64> = (1..=10).collect();
    while queue.len() > 1 {
        let (a, b) = (queue.pop_front().unwrap(), queue.pop_front().unwrap());
        queue.push_back(a.wrapping_mul(6364136223846793005).rotate_left(17) ^ b);
    }
    println!("{:#018x} {:>8.3} {:e}", queue[0], 1.0 / 3.0, 12345.678f32);
    fs::create_dir_all("/deep/er").unwrap();
    fs::write("/deep/er/file", "grüße").unwrap();
    println!("{:?} {:?}", fs::read_to_string("/deep/er/file"), fs::read("/missing").map_err(|e| e.kind()));
    println!("{:?}", fs::remove_dir("/deep").map_err(|e| e.raw_os_error()));
    println!("{:?}", std::env::var("WHO"));
    io::stderr().write_all(b"to stderr\n").unwrap();
    std::process::exit(255);
}
