//! `datong`: see the crate `server`.

fn main() -> std::process::ExitCode {
    server::run(std::env::args_os())
}
