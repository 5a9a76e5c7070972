//! Cloudflare: the only module that knows it.
//!
//! Messages cross in one call each, headers by name, bodies as handles: not one byte of a blob enters wasm.

mod body;
mod bridge;
mod settings;
mod tiers;

use std::cell::OnceCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_channel::oneshot;
use http::{Method, StatusCode};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response, WorkerGlobalScope};
use worker::{Context, Delay, Env, event};

use crate::answer::Answer;
use crate::config::Config;
use crate::platform::{
    ClientRequest, Found, Held, Inbound, KeepError, Kept, Outbound, Payload, Platform, ReadError, SendError, Tier,
};
use crate::proxy::Proxy;
use crate::range::Span;

use body::Body;
use tiers::Tiers;

thread_local! {
    /// One for an isolate: settings are read once, what is remembered is shared by all its requests.
    static ISOLATE: OnceCell<Isolate> = const { OnceCell::new() };
}

/// What an isolate has.
#[derive(Clone)]
struct Isolate {
    proxy: Rc<Proxy<Cloudflare>>,
    tiers: Rc<Tiers>,
    limiter: Option<JsValue>,
}

/// The binding that counts requests, in wrangler.toml.
const LIMITER: &str = "LIMITER";

/// The entry of every request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let Isolate { proxy, tiers, limiter } = ISOLATE.with(|cell| {
        cell.get_or_init(|| {
            console_error_panic_hook::set_once();
            let proxy = Rc::new(Proxy::new(Config::read(&settings::variables(&env))));
            Isolate { proxy, tiers: Rc::new(Tiers::of(&env)), limiter: settings::binding(&env, LIMITER) }
        })
        .clone()
    });
    let (method, url, headers) = bridge::read_request(&request);
    let cloudflare = Cloudflare {
        tiers,
        limiter,
        context: Rc::new(context),
        // There the Cache API takes everything and keeps nothing.
        host_has_cache: !host(&url).ends_with(".workers.dev"),
    };
    // When a client hangs up, the runtime forgets what its request waits for: no promise settles, nothing is ever dropped, and each
    // such request would keep some 20 KB of the isolate. Here all of it is dropped. A promise in the place of this function would
    // keep itself where nobody hangs up.
    let (hang_up, gone) = oneshot::channel::<()>();
    let call = Closure::once(move || {
        hang_up.send(()).ok();
    });
    bridge::when_gone(&request, call.as_ref());
    let asked = ClientRequest {
        // workerd lets only well-formed methods through; were there another, it would be refused like any that writes.
        method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::CONNECT),
        url,
        headers,
        // Only the token endpoint reads one, and only of a POST.
        body: (method == "POST").then(|| Body(request.body())),
    };
    let answer = before(gone, proxy.serve(&cloudflare, asked)).await;
    bridge::when_gone(&request, &JsValue::NULL);
    match answer {
        Some(answer) => Ok(respond(answer)?),
        None => Ok(Response::new()?),
    }
}

/// The runtime, for one request.
#[derive(Clone)]
struct Cloudflare {
    tiers: Rc<Tiers>,
    limiter: Option<JsValue>,
    context: Rc<Context>,
    host_has_cache: bool,
}

impl Platform for Cloudflare {
    type Body = Body;
    type Bytes = Uint8Array;

    async fn send(&self, request: Outbound) -> Result<Inbound<Body>, SendError> {
        let mut headers = bridge::lines(&request.headers);
        if let Some(authorization) = &request.authorization {
            headers += &format!("authorization:{}\n", authorization.expose());
        }
        let form = request.form.as_ref().map_or(JsValue::UNDEFINED, |form| JsValue::from_str(form.expose()));
        let limit = u32::try_from(request.time_limit.as_millis()).unwrap_or(u32::MAX);
        let answer = bridge::send(request.method.as_str(), request.url.as_str(), &headers, &form, limit);
        let answer = JsFuture::from(answer).await.map_err(|error| SendError::Failed(words(&error)))?;
        if answer.is_null() {
            return Err(SendError::TimedOut);
        }
        let answer: Response = answer.unchecked_into();
        let (status, headers) = bridge::read_response(&answer);
        let usable = StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()));
        Ok(Inbound {
            // Others cannot be answered with (`new Response` throws), and mean nothing.
            status: usable.ok_or_else(|| SendError::Failed(format!("it answered with status {status}")))?,
            headers,
            body: Body(answer.body()),
        })
    }

    async fn read(&self, body: Body, limit: usize) -> Result<Vec<u8>, ReadError> {
        body.read(limit).await
    }

    async fn hold(&self, body: Body, length: Option<u64>, limit: usize) -> Result<Held<Uint8Array>, ReadError> {
        body.hold(length, limit).await
    }

    fn bring_out(&self, bytes: &[u8]) -> Held<Uint8Array> {
        body::held(Uint8Array::from(bytes))
    }

    fn bring_in(&self, held: &Held<Uint8Array>) -> Vec<u8> {
        held.bytes.to_vec()
    }

    async fn sha256(&self, held: &Held<Uint8Array>) -> Option<[u8; 32]> {
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let sum = global.crypto().ok()?.subtle().digest_with_str_and_js_u8_array("SHA-256", &held.bytes).ok()?;
        Uint8Array::new(&JsFuture::from(sum).await.ok()?).to_vec().try_into().ok()
    }

    fn has(&self, tier: Tier) -> bool {
        self.tiers.has(tier, self.host_has_cache)
    }

    async fn find(&self, tier: Tier, key: &str, span: Option<Span>) -> Option<Found<Body>> {
        self.tiers.find(tier, key, span).await
    }

    async fn keep(&self, tier: Tier, key: &str, kept: Kept<Body, Uint8Array>) -> Result<(), KeepError> {
        self.tiers.keep(tier, key, kept).await
    }

    async fn forget(&self, tier: Tier, key: &str) {
        self.tiers.forget(tier, key).await;
    }

    async fn admits(&self, who: &str) -> bool {
        let Some(limiter) = &self.limiter else { return true };
        // A limiter that fails limits nobody: it is there to be fair, not to keep the door.
        JsFuture::from(bridge::admits(limiter, who)).await.map_or(true, |admitted| admitted.is_truthy())
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.context.wait_until(work);
    }

    async fn sleep(&self, time: Duration) {
        Delay::from(time).await;
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

/// What a future gives within a time limit.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    before(Delay::from(limit), future).await
}

/// What a future gives before another one ends.
async fn before<T>(end: impl Future, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut end) = (pin!(future), pin!(end));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => end.as_mut().poll(context).map(|_| None),
    })
    .await
}

/// The answer as the runtime's own.
fn respond(answer: Answer<Cloudflare>) -> Result<Response, JsValue> {
    let (parts, body) = answer.into_parts();
    let body = match body {
        Payload::Empty => JsValue::NULL,
        Payload::Text(text) => text.into(),
        Payload::Stream(body) => body.take().map_or(JsValue::NULL, JsValue::from),
        Payload::Held(held, None) => held.bytes.into(),
        Payload::Held(held, Some(part)) => {
            // What is held is far below 4 GiB.
            let end = |index: u64| u32::try_from(index).unwrap_or(u32::MAX);
            held.bytes.subarray(end(*part.start()), end(part.end().saturating_add(1))).into()
        }
    };
    bridge::respond(parts.status.as_u16(), &bridge::lines(&parts.headers), &body)
}

/// The host of a URL as the runtime writes it.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

/// An error's message, for the log. The runtime may repeat an address, and that may be signed: it is cut off there.
fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    let message = message.unwrap_or_else(|| "no message".to_owned());
    message.split("http").next().unwrap_or_default().to_owned()
}
