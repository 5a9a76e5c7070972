//! `LIMITS`: how much of this proxy one may use, beside what the binding `LIMITER` counts.

use serde::Deserialize;
use serde_json::Value;

use super::{ConfigError, error, without_value};

/// How much one may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest blob that passes, in bytes.
    pub blob_bytes: Option<u64>,
}

/// As an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    blob_mib: Option<u32>,
}

impl Limits {
    /// Reads the setting; absent is no limit.
    pub(super) fn read(value: Option<&Value>) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "expected a table such as { blob_mib = 4096 }";
        let value = match value {
            None => return Ok(Self::default()),
            Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| error("LIMITS", EXPECTED))?,
            Some(value) => value.clone(),
        };
        if !value.is_object() {
            return Err(error("LIMITS", EXPECTED));
        }
        let settings: Settings =
            serde_json::from_value(value).map_err(|e| error("LIMITS", without_value(&e.to_string())))?;
        Ok(Self { blob_bytes: settings.blob_mib.map(|mib| u64::from(mib) << 20) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_a_table_or_none() {
        assert_eq!(Limits::read(None).unwrap(), Limits { blob_bytes: None });
        for value in [json!({"blob_mib": 2}), json!(r#"{"blob_mib": 2}"#)] {
            assert_eq!(Limits::read(Some(&value)).unwrap(), Limits { blob_bytes: Some(2 << 20) });
        }
        for (value, start) in [
            (json!(3), "LIMITS: expected a table"),
            (json!("x"), "LIMITS: expected a table"),
            (json!({"blob_mb": 3}), "LIMITS: unknown field `blob_mb`"),
            (json!({"blob_mib": -3}), "LIMITS: expected u32"),
        ] {
            let problem = Limits::read(Some(&value)).unwrap_err().to_string();
            assert!(problem.starts_with(start), "{value}: {problem}");
        }
    }
}
