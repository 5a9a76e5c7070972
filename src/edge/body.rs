//! Bodies on their way: moved as handles, or read to the end within a limit.

use std::time::Duration;

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Response};

use super::{within, words};
use crate::platform::{Held, ReadError};

/// How long the next piece of a body that is read here may take: token replies, errors, small manifests.
const NEXT_PIECE: Duration = Duration::from_secs(10);

/// How long a whole body of known length may take.
const WHOLE: Duration = Duration::from_secs(60);

/// A body on its way. One that nobody takes is cancelled: an open one would hold one of six connections.
pub struct Body(pub Option<ReadableStream>);

impl Body {
    /// The stream, which is the caller's from now on.
    pub fn take(mut self) -> Option<ReadableStream> {
        self.0.take()
    }

    /// Reads all of it into the core.
    pub async fn read(self, limit: usize) -> Result<Vec<u8>, ReadError> {
        let pieces = self.pieces(limit).await?;
        Ok(pieces.iter().flat_map(Uint8Array::to_vec).collect())
    }

    /// Waits for all of it, outside of wasm.
    pub async fn hold(self, length: Option<u64>, limit: usize) -> Result<Held<Uint8Array>, ReadError> {
        match length {
            Some(length) if length > limit as u64 => Err(ReadError::TooLong),
            // HTTP's framing holds the sender to what it announced: the runtime may read it at once.
            Some(_) => self.hold_at_once().await,
            None => {
                let pieces = self.pieces(limit).await?;
                let total: u32 = pieces.iter().map(Uint8Array::length).sum();
                let whole = Uint8Array::new_with_length(total);
                let mut at = 0;
                for piece in &pieces {
                    whole.set(piece, at);
                    at += piece.length();
                }
                Ok(held(whole))
            }
        }
    }

    async fn hold_at_once(self) -> Result<Held<Uint8Array>, ReadError> {
        let Some(stream) = self.take() else { return Ok(held(Uint8Array::new_with_length(0))) };
        let buffer = Response::new_with_opt_readable_stream(Some(&stream))
            .and_then(|response| response.array_buffer())
            .map_err(|error| failed(&error))?;
        match within(WHOLE, JsFuture::from(buffer)).await {
            Some(Ok(buffer)) => Ok(held(Uint8Array::new(&buffer))),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(ReadError::Failed("it stalled".to_owned())),
        }
    }

    async fn pieces(self, limit: usize) -> Result<Vec<Uint8Array>, ReadError> {
        let mut pieces = Vec::new();
        let Some(stream) = self.take() else { return Ok(pieces) };
        let failed = |error: JsValue| failed(&error);
        let reader = ReadableStreamDefaultReader::new(&stream).map_err(failed)?;
        let mut total = 0;
        loop {
            let Some(part) = within(NEXT_PIECE, JsFuture::from(reader.read())).await else {
                drop(JsFuture::from(reader.cancel()).await);
                return Err(ReadError::Failed("it stalled".to_owned()));
            };
            let part = part.map_err(failed)?;
            if Reflect::get(&part, &"done".into()).map_err(failed)?.is_truthy() {
                return Ok(pieces);
            }
            let piece: Uint8Array = Reflect::get(&part, &"value".into()).and_then(JsCast::dyn_into).map_err(failed)?;
            total += piece.length() as usize;
            if total > limit {
                drop(JsFuture::from(reader.cancel()).await);
                return Err(ReadError::TooLong);
            }
            pieces.push(piece);
        }
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

/// Bytes with their length.
pub fn held(bytes: Uint8Array) -> Held<Uint8Array> {
    let length = bytes.length().into();
    Held { bytes, length }
}

fn failed(error: &JsValue) -> ReadError {
    ReadError::Failed(words(error))
}
