//! The pictures of a rehearsal and of a plan in README, made from what the commands really print.
//!
//! Owns: which commands are shown, and text with colours as SVG. The rehearsal scrolls in the time that the story tells;
//! for readers who want no motion it stands still at the end. Must not: change a word of the output.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read as _},
    path::Path,
    process::{Command, Stdio},
};

/// What is shown, as typed after `cargo run -p coracle --`.
const SHOWN: [&str; 5] =
    ["rehearse", "-f", "examples/quickstart.yaml", "--fault", "die at step harbor-2: start k3s"];
/// The file that is rehearsed, and changed for the plan.
const EXAMPLE: &str = "examples/quickstart.yaml";
/// What the plan adds to it.
const ADDED: &str = concat!(
    "  kubernetes: {version: v1.36.5+k3s1}\n",
    "  os:\n",
    "    motd: Ask before you touch this machine.\n",
    "    packages: [{name: chrony, nodes: [harbor-1]}]\n",
    "    sysctls: {vm.swappiness: 10}\n",
);
/// The terminal, in characters.
const COLUMNS: usize = 118;
const ROWS: usize = 30;
/// One character, in pixels.
const WIDE: f64 = 7.25;
const HIGH: f64 = 17.0;
/// Rehearsed seconds that pass in one of the reader's.
const SPEED: f64 = 5.0;
/// Seconds between two lines that the story tells at one time.
const BREATH: f64 = 0.07;
/// Seconds that the last screen stands before the picture begins anew.
const REST: f64 = 9.0;

/// A piece of a line: its first column, its colour and whether it is bold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    column: usize,
    class: &'static str,
    bold: bool,
    text: String,
}

/// The picture of a plan for a running cluster whose file has changed, or why there is none.
pub(crate) fn plan(root: &Path) -> Result<String, String> {
    let made = || {
        let dir = root.join("target/picture");
        let (world, file) = (dir.join("world"), dir.join("coracle.yaml"));
        fs::create_dir_all(&dir)?;
        let [world_name, file_name] = [&world, &file].map(|path| path.display().to_string());
        run(root, &["rehearse", "-f", EXAMPLE, "--save", &world_name])?;
        fs::write(&file, fs::read_to_string(root.join(EXAMPLE))? + ADDED)?;
        run(root, &["reference", "-f", &file_name, "--plan", &world_name])
    };
    let output = made().map_err(|error: io::Error| error.to_string())?;
    let text = format!("\u{1b}[1m$ coracle plan\u{1b}[0m\n{output}");
    let lines: Vec<_> = text.lines().flat_map(|line| wrapped(pieces(line))).collect();
    Ok(svg("A plan in a terminal", &lines, lines.len(), &[]))
}

/// The picture of a rehearsal, or why there is none.
pub(crate) fn rehearsal(root: &Path) -> Result<String, String> {
    let output = run(root, &SHOWN).map_err(|error| error.to_string())?;
    let quoted = |word: &&str| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() };
    let typed: Vec<_> = SHOWN.iter().map(quoted).collect();
    let prompt = format!("\u{1b}[1m$ cargo run -p coracle -- {}\u{1b}[0m\n", typed.join(" "));
    let mut lines = Vec::new();
    let mut times = Vec::new();
    for line in (prompt + &output).lines() {
        let pieces = pieces(line);
        let time = stamp(&pieces);
        for row in wrapped(pieces) {
            times.push(time);
            lines.push(row);
        }
    }
    Ok(svg("A rehearsal in a terminal", &lines, ROWS, &moments(&times)))
}

/// Both streams of a command, in the order in which they were written.
fn run(root: &Path, words: &[&str]) -> io::Result<String> {
    let (mut reader, writer) = io::pipe()?;
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "-p", "coracle", "--"]).args(words).args(["--color", "always"]);
    command.current_dir(root).env_remove("NO_COLOR").env("COLUMNS", COLUMNS.to_string());
    let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // It holds ends of the pipe of its own, and would keep it open.
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    if child.wait()?.success() { Ok(text) } else { Err(io::Error::other(text)) }
}

/// A line cut where its colour changes. Knows the codes that coracle writes: bold, faint, four colours, reset.
fn pieces(line: &str) -> Vec<Piece> {
    let (mut found, mut column, mut class, mut bold) = (Vec::new(), 0, "plain", false);
    for (nth, part) in line.split("\u{1b}[").enumerate() {
        let (code, text) = if nth == 0 { ("", part) } else { part.split_once('m').unwrap_or(("", part)) };
        match code {
            "0" => (class, bold) = ("plain", false),
            "1" => bold = true,
            "2" => class = "faint",
            "31" => class = "bad",
            "32" => class = "good",
            "33" => class = "care",
            "36" => class = "name",
            _ => {}
        }
        if !text.is_empty() {
            found.push(Piece { column, class, bold, text: text.to_owned() });
            column += text.chars().count();
        }
    }
    found
}

/// A line as a terminal shows it: what does not fit goes on in the next row.
fn wrapped(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut rows = vec![Vec::new()];
    for Piece { column, class, bold, text } in pieces {
        for (nth, letter) in text.chars().enumerate() {
            let (row, column) = ((column + nth) / COLUMNS, (column + nth) % COLUMNS);
            if rows.len() <= row {
                rows.push(Vec::new());
            }
            let row: &mut Vec<Piece> = &mut rows[row];
            match row.last_mut().filter(|last| nth > 0 && last.class == class && last.bold == bold) {
                Some(last) => last.text.push(letter),
                None => row.push(Piece { column, class, bold, text: letter.into() }),
            }
        }
    }
    rows
}

/// The time in the story that a line begins with, in seconds.
fn stamp(pieces: &[Piece]) -> Option<f64> {
    let first = pieces.first()?.text.trim();
    let (minutes, seconds) = first.get(..5)?.split_once(':')?;
    let (minutes, seconds): (u16, u16) = (minutes.parse().ok()?, seconds.parse().ok()?);
    Some(f64::from(minutes * 60 + seconds))
}

/// When each row appears, in the reader's seconds.
fn moments(times: &[Option<f64>]) -> Vec<f64> {
    let mut now: f64 = 0.0;
    let mut late: f64 = 0.0;
    let mut found = Vec::new();
    for time in times {
        let told = time.map_or(0.0, |time| time / SPEED) + late;
        // Lines of one moment come one by one, and what that costs is added to the story.
        if told < now + BREATH {
            late += if time.is_some() { now + BREATH - told } else { 0.0 };
            now += BREATH;
        } else {
            now = told;
        }
        found.push(now);
    }
    found
}

/// A terminal of so many rows. Where there are moments, its lines come one by one and scroll.
fn svg(label: &str, lines: &[Vec<Piece>], rows: usize, moments: &[f64]) -> String {
    let (width, height) = (wide(COLUMNS) + 32.0, high(rows) + 28.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"{label}\">\n\
         <!-- Made by `xtask docs` from the output of the command in its first line. -->\n<style>\n\
         text {{ font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }}\n\
         .plain {{ fill: #d7dce2 }} .faint {{ fill: #8b95a1 }} .good {{ fill: #7ec97a }} .care {{ fill: #e3c068 }}\n\
         .bad {{ fill: #f0797b }} .name {{ fill: #6fc3d6 }} .bold {{ font-weight: bold }}\n",
    );
    out.push_str(&motion(lines.len(), moments));
    let _ = write!(
        out,
        "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16191d\"/>\n\
         <svg x=\"16\" y=\"14\" xml:space=\"preserve\" width=\"{:.0}\" height=\"{:.0}\"><g id=\"story\">\n",
        wide(COLUMNS),
        high(rows)
    );
    for (row, line) in lines.iter().enumerate() {
        for piece in line.iter().filter(|piece| !piece.text.trim().is_empty()) {
            out.push_str(&word(row, piece));
        }
    }
    out + "</g></svg>\n</svg>\n"
}

/// How the lines scroll; nothing where no moments are given.
fn motion(lines: usize, moments: &[f64]) -> String {
    let Some(last) = moments.last() else { return String::new() };
    let end = last + REST;
    let mut out = format!(
        "#story {{ transform: translateY({:.0}px); animation: story {end:.1}s step-end infinite }}\n\
         @media (prefers-reduced-motion: reduce) {{ #story {{ animation: none }} }}\n@keyframes story {{\n",
        lift(lines),
    );
    for (nth, moment) in moments.iter().enumerate() {
        let _ =
            writeln!(out, "{:.2}% {{ transform: translateY({:.0}px) }}", moment / end * 100.0, lift(nth + 1));
    }
    out + "}\n"
}

fn word(row: usize, piece: &Piece) -> String {
    let Piece { column, class, bold, text } = piece;
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let bold = if *bold { " bold" } else { "" };
    let (x, y, length) = (wide(*column), high(row) + 13.0, wide(piece.text.chars().count()));
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.0}\" textLength=\"{length:.1}\" class=\"{class}{bold}\">{text}</text>\n"
    )
}

/// How far the story is moved when so many rows are written: the last stands at the bottom, until all fit from the top.
fn lift(rows: usize) -> f64 {
    high(ROWS) - high(rows)
}

fn wide(columns: usize) -> f64 {
    f64::from(u16::try_from(columns).unwrap_or(u16::MAX)) * WIDE
}

fn high(rows: usize) -> f64 {
    f64::from(u16::try_from(rows).unwrap_or(u16::MAX)) * HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_its_colour_changes_and_where_the_terminal_ends() {
        let line = format!("ab\u{1b}[1m\u{1b}[31mc{}\u{1b}[0md", "x".repeat(COLUMNS));
        let rows = wrapped(pieces(&line));
        let shape: Vec<Vec<_>> =
            rows.iter().map(|row| row.iter().map(|p| (p.column, p.class, p.bold)).collect()).collect();
        assert_eq!(
            shape,
            [vec![(0, "plain", false), (2, "bad", true)], vec![(0, "bad", true), (3, "plain", false)]]
        );
    }

    #[test]
    fn rows_appear_in_the_order_in_which_they_were_told() {
        let moments = moments(&[None, Some(0.0), Some(0.0), Some(10.0), None]);
        assert!(moments.is_sorted() && moments[3] >= 10.0 / SPEED, "{moments:?}");
    }
}
