//! Messages as they cross between wasm and JavaScript: one call each, headers as lines of text.

use http::{HeaderMap, HeaderName, HeaderValue};
use js_sys::{Array, JsString, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};

use crate::headers::{FROM_CLIENT, FROM_UPSTREAM};

#[wasm_bindgen(module = "/src/edge/bridge.js")]
extern "C" {
    /// A client's request as text.
    pub fn received(request: &Request, names: &Array) -> String;

    /// Has a function called when the client hangs up; null for none.
    #[wasm_bindgen(js_name = whenGone)]
    pub fn when_gone(request: &Request, call: &JsValue);

    /// An upstream's answer as text.
    pub fn answered(response: &Response, names: &Array) -> String;

    /// Sends a request. The promise is of a [`Response`], or null when the time is up.
    pub fn send(method: &str, url: &str, headers: &str, body: &JsValue, milliseconds: u32) -> Promise;

    /// Whether a limiter lets somebody's request through. The promise is of a boolean.
    pub fn admits(limiter: &JsValue, who: &str) -> Promise;

    /// An answer to the client.
    #[wasm_bindgen(catch)]
    pub fn respond(status: u16, headers: &str, body: &JsValue) -> Result<Response, JsValue>;
}

thread_local! {
    static OF_CLIENT: Array = names(&FROM_CLIENT);
    static OF_UPSTREAM: Array = names(&FROM_UPSTREAM);
}

/// A client's request: method, URL and the headers of [`FROM_CLIENT`].
pub fn read_request(request: &Request) -> (String, String, HeaderMap) {
    let text = OF_CLIENT.with(|names| received(request, names));
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (method, url) = first.split_once(' ').unwrap_or((first, ""));
    (method.to_owned(), url.to_owned(), parse(rest, &FROM_CLIENT))
}

/// An upstream's answer: its status and the headers of [`FROM_UPSTREAM`]. Lines of one name come joined by `, `.
pub fn read_response(response: &Response) -> (u16, HeaderMap) {
    let text = OF_UPSTREAM.with(|names| answered(response, names));
    let (status, rest) = text.split_once('\n').unwrap_or((&text, ""));
    (status.parse().unwrap_or_default(), parse(rest, &FROM_UPSTREAM))
}

/// Headers as lines. What is no text cannot be sent anyway.
pub fn lines(headers: &HeaderMap) -> String {
    headers.iter().fold(String::new(), |mut text, (name, value)| {
        if let Ok(value) = value.to_str() {
            text.extend([name.as_str(), ":", value, "\n"]);
        }
        text
    })
}

fn parse(lines: &str, names: &[HeaderName]) -> HeaderMap {
    let header = |line: &str| {
        let (place, value) = line.split_once(':')?;
        let name = names.get(place.parse::<usize>().ok()?)?;
        Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    lines.split('\n').filter_map(header).collect()
}

fn names(list: &[HeaderName]) -> Array {
    list.iter().map(|name| JsString::from(name.as_str())).collect()
}
