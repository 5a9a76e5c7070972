//! The operator's variables and secrets, as the runtime hands them over.

use std::collections::BTreeMap;

use js_sys::{JSON, Object, Reflect};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

/// Every binding that is data: texts, and the JSON of `[vars]` tables. Buckets, limiters and the like are objects of
/// classes of their own and stay out.
pub fn variables(env: &Env) -> BTreeMap<String, Value> {
    let env: &JsValue = env.as_ref();
    let Some(object) = env.dyn_ref::<Object>() else { return BTreeMap::new() };
    let keys = Object::keys(object);
    let found = keys.iter().filter_map(|key| {
        let value = Reflect::get(env, &key).ok()?;
        let text = match value.as_string() {
            Some(text) => return Some((key.as_string()?, Value::String(text))),
            None if is_data(&value) => JSON::stringify(&value).ok()?.as_string()?,
            None => return None,
        };
        Some((key.as_string()?, serde_json::from_str(&text).ok()?))
    });
    // One by one: `collect` brings a sort of its own, some KB of it.
    let mut variables = BTreeMap::new();
    variables.extend(found);
    variables
}

/// A binding that is no data, if it is there.
pub fn binding(env: &Env, name: &str) -> Option<JsValue> {
    Reflect::get(env.as_ref(), &name.into()).ok().filter(JsValue::is_object)
}

/// Whether a value came from JSON.
fn is_data(value: &JsValue) -> bool {
    if !value.is_object() {
        return true;
    }
    let class = value.dyn_ref::<Object>().map(Object::constructor).and_then(|class| class.name().as_string());
    matches!(class.as_deref(), Some("Object" | "Array"))
}
