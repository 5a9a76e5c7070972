//! The connections the played internet is reached by. One can break where no answer of a server's would: within an answer's head, or
//! with a reset in place of an end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::serve::Listener;
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::Answer;

/// Where connections come in.
pub struct Lines(pub TcpListener);

/// A connection.
pub struct Line(TcpStream);

/// How one breaks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Break {
    /// A few bytes of the head are sent, then comes a reset.
    InHead,
    /// The answer is sent as far as it goes; its end is a reset.
    AtEnd,
}

/// How an answer tells its connection, in its own head.
const HEADER: &str = "x-line-breaks";

/// What of the head is sent all the same.
const BEGUN: usize = 20;

impl Break {
    const fn word(self) -> &'static str {
        match self {
            Break::InHead => "in-head",
            Break::AtEnd => "at-end",
        }
    }

    /// The answer whose connection breaks.
    pub fn on(self, mut answer: Answer) -> Answer {
        answer.headers_mut().insert(HEADER, HeaderValue::from_static(self.word()));
        answer
    }

    /// Only a head is looked through: most of what is sent is bodies, and looking through those takes longer than anything else here.
    fn read(bytes: &[u8]) -> Option<Break> {
        if !bytes.starts_with(b"HTTP/1.1 ") {
            return None;
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = &bytes[..end + 2];
        let told = |how: &Break| {
            let line = format!("{HEADER}: {}\r\n", how.word());
            head.windows(line.len()).any(|window| window == line.as_bytes())
        };
        [Break::InHead, Break::AtEnd].into_iter().find(told)
    }
}

impl Listener for Lines {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Line(stream), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(how) = Break::read(bytes) else { return Pin::new(&mut self.0).poll_write(context, bytes) };
        self.0.set_zero_linger()?; // whoever closes it resets it
        if how == Break::AtEnd {
            return Pin::new(&mut self.0).poll_write(context, bytes);
        }
        ready!(Pin::new(&mut self.0).poll_write(context, &bytes[..BEGUN]))?;
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
