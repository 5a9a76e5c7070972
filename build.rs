//! Puts the page at `/` together (`src/site/`): one file with its style and script in it, and the policy that lets a browser run
//! these two and nothing else.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// What the script is made of, each after those it needs.
const MODULES: [&str; 5] = ["reference.js", "snippets.js", "inspect.js", "words.js", "page.js"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/site");
    let read = |name: &str| fs::read_to_string(Path::new("src/site").join(name));
    let style = plain(&read("page.css")?);
    let script = MODULES.iter().map(|name| Ok(plain(&read(name)?))).collect::<Result<String, std::io::Error>>()?;
    if script.contains("</") || script.contains("<!--") {
        return Err("the script holds what ends or hides a script in HTML".into());
    }
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(&style),
        hash(&script),
    );
    let page = read("page.html")?.replace("<!--style-->", &style).replace("<!--script-->", &script);
    let folder = env::var("OUT_DIR")?;
    fs::write(Path::new(&folder).join("page.html"), page)?;
    fs::write(Path::new(&folder).join("policy.txt"), policy)?;
    Ok(())
}

/// A file without its comments, which stand on lines of their own; a module without imports and exports, for they all become one.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut in_comment = false;
    for line in text.lines() {
        let bare = line.trim_start();
        in_comment |= bare.starts_with("/*");
        let ends = in_comment && bare.ends_with("*/");
        if !in_comment && !bare.is_empty() && !bare.starts_with("//") && !line.starts_with("import ") {
            out.push_str(line.strip_prefix("export ").unwrap_or(line));
            out.push('\n');
        }
        in_comment &= !ends;
    }
    out
}
