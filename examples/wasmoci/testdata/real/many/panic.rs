// What a panic looks like from outside.
fn main() {
    println!("before");
    let list: Vec<i32> = std::env::args().skip(100).map(|_| 1).collect();
    println!("{}", list[3]);
}
