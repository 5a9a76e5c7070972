//! lscr.io: a gateway in front of ghcr.io, which is asked directly.

use super::*;

pub const LSCR: Personality =
    Personality { id: "lscr", registry: "lscr.io", label: Some("lscr"), public: "linuxserver/radarr", ..ghcr::GHCR };
