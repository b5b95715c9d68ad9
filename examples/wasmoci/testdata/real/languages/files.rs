//! A guest of TestRealLanguages, also compiled for the host: what it prints must be the same.
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

fn say<T>(what: &str, r: io::Result<T>) {
    match r {
        Ok(_) => println!("{} ok", what),
        Err(e) => println!("{} {:?}", what, e.kind()),
    }
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (out, input) = (Path::new(&args[1]), Path::new(&args[2]));
    if args.get(3).map(String::as_str) == Some("abort") {
        let none: Vec<u8> = Vec::new();
        println!("{}", none[args.len()]); // a panic
    }
    println!("args {:?}", &args[3..]);
    println!("env {:?} {:?}", std::env::var("WHO"), std::env::var("NOBODY"));
    for line in io::stdin().lock().lines() {
        println!("stdin {}", line?);
    }

    print!("{}", fs::read_to_string(input.join("greeting"))?);
    say("missing", File::open(input.join("none")));
    match File::create(input.join("new")) {
        Ok(_) => println!("read-only writable"),
        Err(e) => println!("read-only {}", e.to_string().split(" (").next().unwrap()),
    }
    let f = out.join("f");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&f)?;
    file.write_all(b"0123456789")?;
    println!("seek {}", file.seek(SeekFrom::End(-4))?);
    file.write_all(b"ab")?;
    file.set_len(12)?;
    file.seek(SeekFrom::Start(0))?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    println!("{:?}", content);
    file.sync_all()?;
    drop(file);
    say("exclusive", OpenOptions::new().write(true).create_new(true).open(&f));
    OpenOptions::new().append(true).open(&f)?.write_all(b"end")?;
    println!("size {}", fs::metadata(&f)?.len());
    fs::create_dir(out.join("d"))?;
    say("mkdir again", fs::create_dir(out.join("d")));
    fs::rename(&f, out.join("d/g"))?;
    say("rename nothing", fs::rename(&f, out.join("g")));
    fs::hard_link(out.join("d/g"), out.join("h"))?;
    println!("copied {}", fs::copy(out.join("h"), out.join("c"))?);
    println!("{:?}", fs::read(out.join("c"))?);
    let mut names = Vec::new();
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        names.push((entry.file_name(), entry.file_type()?.is_dir()));
    }
    names.sort();
    println!("{:?}", names);
    say("rmdir full", fs::remove_dir(out.join("d")).map_err(|e| io::Error::new(io::ErrorKind::Other, e)));
    fs::remove_dir_all(out.join("d"))?;
    say("gone", fs::metadata(out.join("d/g")));

    let begun = Instant::now();
    std::thread::sleep(Duration::from_millis(10));
    let slept = begun.elapsed();
    println!("slept {}", slept >= Duration::from_millis(10) && slept < Duration::from_secs(5));
    println!("year {}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() > 1_700_000_000);
    let hash = |n: u32| {
        use std::hash::{BuildHasher, Hasher};
        let mut h = std::collections::hash_map::RandomState::new().build_hasher();
        h.write_u32(n);
        h.finish()
    };
    println!("random {}", hash(1) != hash(1)); // its keys are random
    eprintln!("to stderr");
    std::process::exit(42);
}
