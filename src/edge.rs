//! Cloudflare: the only module that knows it.
//!
//! Headers cross by name, bodies as handles: not one byte of a blob enters wasm.

mod settings;

use std::cell::OnceCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, Headers, ReadableStream, ReadableStreamDefaultReader, Request, RequestInit, RequestRedirect, Response,
    ResponseInit, WorkerGlobalScope,
};
use worker::{Context, Delay, Env, event};

use crate::answer::Answer;
use crate::config::Config;
use crate::headers::{FROM_CLIENT, FROM_UPSTREAM};
use crate::platform::{ClientRequest, Inbound, Outbound, Payload, Platform, ReadError, SendError};
use crate::proxy::Proxy;

thread_local! {
    /// One proxy an isolate: settings are read once, tokens are shared by all its requests.
    static PROXY: OnceCell<Rc<Proxy>> = const { OnceCell::new() };
}

/// The entry of every request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    let proxy = PROXY.with(|cell| {
        Rc::clone(cell.get_or_init(|| {
            console_error_panic_hook::set_once();
            Rc::new(Proxy::new(Config::read(&settings::variables(&env))))
        }))
    });
    let request = ClientRequest {
        // workerd lets only well-formed methods through; were there another, it would be refused like any that writes.
        method: Method::from_bytes(request.method().as_bytes()).unwrap_or(Method::CONNECT),
        url: request.url(),
        headers: copy(&request.headers(), &FROM_CLIENT),
        body: request.body().map(|stream| Body(Some(stream))),
    };
    Ok(respond(proxy.serve(&Cloudflare, request).await)?)
}

/// The runtime.
struct Cloudflare;

/// A body on its way. One that nobody takes is cancelled: an open one would hold one of six connections.
struct Body(Option<ReadableStream>);

impl Body {
    fn take(mut self) -> Option<ReadableStream> {
        self.0.take()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(stream) = self.0.take() {
            // Awaited only so that a stream which has failed already is no unhandled rejection.
            spawn_local(async move { drop(JsFuture::from(stream.cancel()).await) });
        }
    }
}

impl Platform for Cloudflare {
    type Body = Body;

    async fn send(&self, request: Outbound) -> Result<Inbound<Body>, SendError> {
        let failed = |error: JsValue| failure(&error);
        let headers = Headers::new().map_err(failed)?;
        for (name, value) in &request.headers {
            // Every value was parsed from text; the rest could not be sent anyway.
            let Ok(value) = value.to_str() else { continue };
            headers.set(name.as_str(), value).map_err(failed)?;
        }
        if let Some(authorization) = &request.authorization {
            headers.set("authorization", authorization.expose()).map_err(failed)?;
        }
        let abort = AbortController::new().map_err(failed)?;
        let init = RequestInit::new();
        init.set_method(request.method.as_str());
        init.set_headers(&headers);
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&abort.signal()));
        if let Some(form) = &request.form {
            init.set_body(&JsValue::from_str(form.expose()));
        }
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let answer = JsFuture::from(global.fetch_with_str_and_init(request.url.as_str(), &init));
        // Not `AbortSignal.timeout`: it goes on ticking and cuts the body of a blob, once `waitUntil` keeps the request alive.
        let Some(answer) = within(request.time_limit, answer).await else {
            abort.abort();
            return Err(SendError::TimedOut);
        };
        let answer: Response = answer.and_then(JsCast::dyn_into).map_err(failed)?;
        let status = StatusCode::from_u16(answer.status()).ok().filter(|status| (200..600).contains(&status.as_u16()));
        Ok(Inbound {
            // Others cannot be answered with (`new Response` throws), and mean nothing.
            status: status.ok_or_else(|| SendError::Failed(format!("it answered with status {}", answer.status())))?,
            headers: copy(&answer.headers(), &FROM_UPSTREAM),
            body: Body(answer.body()),
        })
    }

    async fn read(&self, body: Body, limit: usize) -> Result<Vec<u8>, ReadError> {
        let Some(stream) = body.take() else { return Ok(Vec::new()) };
        let failed = |error: JsValue| ReadError::Failed(words(&error));
        let reader = ReadableStreamDefaultReader::new(&stream).map_err(failed)?;
        let mut bytes = Vec::new();
        loop {
            let Some(part) = within(READ_LIMIT, JsFuture::from(reader.read())).await else {
                drop(JsFuture::from(reader.cancel()).await);
                return Err(ReadError::Failed("it stalled".to_owned()));
            };
            let part = part.map_err(failed)?;
            if Reflect::get(&part, &"done".into()).map_err(failed)?.is_truthy() {
                return Ok(bytes);
            }
            let chunk: Uint8Array = Reflect::get(&part, &"value".into()).and_then(JsCast::dyn_into).map_err(failed)?;
            if bytes.len() + chunk.length() as usize > limit {
                drop(JsFuture::from(reader.cancel()).await);
                return Err(ReadError::TooLong);
            }
            bytes.extend(chunk.to_vec());
        }
    }

    fn now_ms(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a date after 1970, in whole ms")]
        let now = js_sys::Date::now() as u64;
        now
    }

    fn log(&self, line: &str) {
        web_sys::console::log_1(&line.into());
    }
}

/// How long the next piece of a body that is read here may take: token replies, errors, small manifests.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// What a future gives within a time limit.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), pin!(Delay::from(limit)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// The headers of a list, one crossing each. Lines of one name come joined by `, `.
fn copy(from: &Headers, names: &[HeaderName]) -> HeaderMap {
    names
        .iter()
        .filter_map(|name| {
            let value = from.get(name.as_str()).ok().flatten()?;
            Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?))
        })
        .collect()
}

/// The answer as the runtime's own.
fn respond(answer: Answer<Body>) -> Result<Response, JsValue> {
    let (parts, body) = answer.into_parts();
    let headers = Headers::new()?;
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            headers.append(name.as_str(), value)?;
        }
    }
    let init = ResponseInit::new();
    init.set_status(parts.status.as_u16());
    init.set_headers(&headers);
    match body {
        Payload::Empty => Response::new_with_opt_str_and_init(None, &init),
        Payload::Text(text) => Response::new_with_opt_str_and_init(Some(&text), &init),
        Payload::Upstream(body) => Response::new_with_opt_readable_stream_and_init(body.take().as_ref(), &init),
    }
}

/// Why a fetch failed.
fn failure(error: &JsValue) -> SendError {
    SendError::Failed(words(error))
}

/// An error's message, for the log. The runtime may repeat an address, and that may be signed: it is cut off there.
fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    let message = message.unwrap_or_else(|| "no message".to_owned());
    message.split("http").next().unwrap_or_default().to_owned()
}
