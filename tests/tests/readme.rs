//! Every command the README shows works as shown.
//!
//! Blocks marked `sh` are run line by line, in order, in one empty folder for each README, with exit code 0. `datong` and
//! `cargo run --release --` are the binary built beside this test. What serves until it is stopped (`demo` without
//! `--no-wait`, `serve`) is stopped by Ctrl-C once it is ready, or when the README is at its end if it was sent to the
//! background. A demo gets a free port, since the usual one may be taken, and fewer people if the README leaves their number
//! to the default. `cargo xtask test` is what runs this test: it is checked to be a task of this workspace. Blocks that only
//! illustrate are marked `text` or by another language.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::datong::{Running, binary, free_port, quick_folder};

const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];

#[test]
fn every_command_of_the_readmes_works() {
    for name in READMES {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let commands = commands(&text);
        assert!(
            commands.iter().any(|command| command.starts_with("cargo run --release -- demo")),
            "{name}: {commands:?}"
        );
        assert!(commands.iter().any(|command| command == "cargo xtask test"), "{name}: {commands:?}");
        let folder = quick_folder();
        let mut background = Vec::new();
        for command in &commands {
            background.extend(obey(command, folder.path(), name));
        }
    }
}

/// Both languages show the same commands.
#[test]
fn the_readmes_show_the_same_commands() {
    let [english, chinese] = READMES.map(|name| commands(&fs::read_to_string(root().join(name)).expect(name)));
    assert_eq!(english, chinese);
}

#[test]
fn the_test_command_is_a_task_of_this_workspace() {
    let config = fs::read_to_string(root().join(".cargo").join("config.toml")).expect(".cargo/config.toml");
    let config: toml::Table = config.parse().expect("TOML");
    let alias = config["alias"]["xtask"].as_str().expect("an alias");
    assert!(alias.starts_with("run ") && alias.contains("--package xtask"), "{alias}");
    let task = fs::read_to_string(root().join("tests/xtask/src/main.rs")).expect("the xtask");
    assert!(task.contains("Some(\"test\")"), "the xtask knows no `test`");
}

#[test]
fn commands_are_found_as_written() {
    let text = "a\n```sh\n# a remark\ncargo run \\\n  --release -- demo   # more\n\ndatong check\n```\n```text\nnot this\n```\n\
                1. in a list\n   ```sh\n   $ datong pull\n   ```\n";
    assert_eq!(commands(text), ["cargo run --release -- demo", "datong check", "datong pull"]);
    assert_eq!(translated("cargo run --release -- demo --people 5"), "datong demo --people 5 --port PORT");
    assert_eq!(translated("datong demo --port 1"), "datong demo --port 1 --people 2000");
    assert_eq!(translated("datong demonstrate"), "datong demonstrate");
    assert!(serves("datong demo --port 1") && serves("datong --config x serve"));
    assert!(!serves("datong demo --no-wait") && !serves("datong check"));
}

/// The commands of the blocks marked `sh`, one a line, continued lines joined, remarks and prompts left out.
fn commands(markdown: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut within, mut continued) = (false, false);
    for line in markdown.lines().map(str::trim) {
        if let Some(language) = line.strip_prefix("```") {
            within = !within && language.trim() == "sh";
            continue;
        }
        if !within {
            continue;
        }
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let line = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or(line).trim() };
        let (words, goes_on) = match line.strip_suffix('\\') {
            Some(words) => (words.trim(), true),
            None => (line, false),
        };
        match commands.last_mut() {
            Some(last) if continued => last.push_str(&format!(" {words}")),
            _ if words.is_empty() => {}
            _ => commands.push(words.to_owned()),
        }
        continued = goes_on;
    }
    commands
}

/// Runs one command; gives what goes on in the background.
fn obey(command: &str, folder: &Path, name: &str) -> Option<Running> {
    if command == "cargo xtask test" {
        return None;
    }
    assert!(
        !command.starts_with("cargo ") || command.starts_with("cargo run --release -- "),
        "{name}: `{command}` is not tested"
    );
    let line = translated(command).replace("PORT", &free_port().to_string());
    let (line, in_background) = match line.strip_suffix('&') {
        Some(line) => (line.trim(), true),
        None => (line.as_str(), false),
    };
    if !serves(line) {
        let finished = Running::start(shell(line, folder)).finish();
        assert_eq!(finished.code, Some(0), "{name}: `{command}`: {}{}", finished.stdout, finished.stderr);
        return None;
    }
    let mut running = Running::start(shell(&format!("exec {line}"), folder));
    let _said = running.wait_for(if line.contains(" demo") { "Ctrl+C" } else { "http" });
    if in_background {
        return Some(running);
    }
    running.interrupt();
    let finished = running.finish();
    assert_eq!(finished.code, Some(0), "{name}: `{command}` after Ctrl-C: {}{}", finished.stdout, finished.stderr);
    None
}

/// The command with the binary's own name. A demo without a port gets one; one without a number of people is made small.
fn translated(command: &str) -> String {
    let mut line = command.replace("cargo run --release --", "datong");
    if line.split_whitespace().any(|word| word == "demo") {
        for (option, value) in [("--people", "2000"), ("--port", "PORT")] {
            if !line.contains(option) {
                line.push_str(&format!(" {option} {value}"));
            }
        }
    }
    line
}

fn serves(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let demo = line.split_whitespace().any(|word| word == "demo") && !line.contains("--no-wait");
    demo || words.any(|word| word == "serve")
}

fn shell(line: &str, folder: &Path) -> Command {
    let binary = binary();
    let beside = binary.parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-e", "-c", line])
        .current_dir(folder)
        .env("PATH", format!("{beside}:{path}"))
        .env("LC_ALL", "en_US.UTF-8");
    command.env_remove("DATONG_CONFIG").env_remove("DATONG_TOKEN").stdin(Stdio::null());
    command
}

fn root() -> PathBuf {
    PathBuf::from("..")
}
