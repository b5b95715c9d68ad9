//! A program of Rust's standard library for wasm32-wasip2. Its first argument says what to do.

use std::io::{Read, Write};
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |i: usize| args.get(i).map(String::as_str).unwrap_or("");
    match arg(1) {
        "hello" => println!("Hello, {}!", std::env::var("NAME").unwrap_or_default()),
        "copy" => {
            let text = std::fs::read_to_string(arg(2)).expect("read");
            std::fs::write(arg(3), text.to_uppercase()).expect("write");
        }
        "list" => {
            let mut names: Vec<_> = std::fs::read_dir(arg(2)).expect("list").map(|e| e.expect("entry").file_name()).collect();
            names.sort();
            println!("{:?}", names);
        }
        "upper" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).expect("read");
            print!("{}", text.to_uppercase());
        }
        "sleep" => {
            println!("ready");
            std::thread::sleep(Duration::from_secs(arg(2).parse().expect("seconds")));
        }
        "wait" => {
            println!("ready");
            std::io::stdin().read_exact(&mut [0]).expect("read");
        }
        "loop" => {
            println!("ready");
            loop {
                std::hint::black_box(0);
            }
        }
        "connect" => match std::net::TcpStream::connect(arg(2)) {
            Ok(_) => println!("connected"),
            Err(e) => println!("{:?}", e.kind()),
        },
        "lookup" => println!("{}", std::net::ToSocketAddrs::to_socket_addrs("localhost:80").is_ok()),
        "grow" => {
            let mut all = Vec::new();
            for n in 1.. {
                let mut one: Vec<u8> = Vec::new();
                if one.try_reserve_exact(1 << 20).is_err() {
                    println!("{} MiB", n - 1);
                    return;
                }
                one.resize(1 << 20, 1);
                all.push(one);
            }
        }
        "write" => {
            for _ in 0..arg(2).parse::<usize>().expect("number") {
                if let Err(e) = std::io::stdout().write_all(&[b'x'; 65536]) {
                    eprintln!("{:?}", e.kind());
                    std::process::exit(1);
                }
            }
        }
        "panic" => panic!("as asked"),
        "recurse" => println!("{}", recurse(1)),
        other => {
            eprintln!("unknown: {}", other);
            std::process::exit(3);
        }
    }
}

fn recurse(n: u64) -> u64 {
    if std::hint::black_box(n) == 0 { 0 } else { 1 + std::hint::black_box(recurse(n + 1)) }
}
