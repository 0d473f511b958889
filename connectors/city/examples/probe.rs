//! Probe.
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    let s = city::generate(
        &city::CityConfig { people: n, seed: 1, out: std::env::args().nth(2).unwrap().into() },
        &mut |_, _, _| {},
    )
    .unwrap();
    println!("{s:#?} rows {} rejected {} {:?}", s.rows(), s.rejected(), t.elapsed());
}
