//! An upstream that breaks HTTP itself: it wants the runtime to see an answer's end, or a second answer, where there is none. It is
//! played byte by byte, for a server that speaks properly cannot say such things.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::case::{ASKED_MANIFEST, Case, case};
use super::script::IMAGE;

/// The internet as one plain socket: for each host the bytes of its answer to anything.
pub struct Wire {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Wire {
    pub async fn start(answers: BTreeMap<String, Vec<u8>>) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port it got");
        let (answers, asked) = (Arc::new(answers), Arc::new(Mutex::new(Vec::new())));
        let record = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, Arc::clone(&answers), Arc::clone(&record)));
            }
        });
        Wire { address, asked, server }
    }

    /// What was asked since this was last looked at, as a case writes it.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("nobody panics while holding this"))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Reads one request's head, answers, and hangs up.
async fn answer(mut connection: TcpStream, answers: Arc<BTreeMap<String, Vec<u8>>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let host = head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("host")));
    let host = host.map(|(_, host)| host).unwrap_or_default();
    asked.lock().expect("nobody panics while holding this").push(format!("{method} https://{host}{target}"));
    let bytes = answers.get(host).map_or(&b"HTTP/1.1 502 No\r\n\r\nno such host"[..], Vec::as_slice);
    let _ = connection.write_all(bytes).await;
    let _ = connection.shutdown().await;
}

/// The cases, and the bytes each one's registry answers with.
pub fn answers() -> Vec<(Case, Vec<u8>)> {
    let oci = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    let length = IMAGE.len();
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Pwned: 1\r\n\r\npwned";
    let whole = format!("{oci}\r\nContent-Length: {length}\r\n");
    let broken = [
        ("status-of-99", format!("HTTP/1.1 99 Odd\r\n{whole}\r\n{IMAGE}")),
        ("status-of-nought", format!("HTTP/1.1 000 Odd\r\n{whole}\r\n{IMAGE}")),
        ("status-of-four-digits", format!("HTTP/1.1 2000 Odd\r\n{whole}\r\n{IMAGE}")),
        ("status-that-is-negative", format!("HTTP/1.1 -200 Odd\r\n{whole}\r\n{IMAGE}")),
        ("status-in-letters", format!("HTTP/1.1 OK\r\n{whole}\r\n{IMAGE}")),
        ("answer-without-a-status", format!("{whole}\r\n{IMAGE}")),
        ("answer-of-another-protocol", "220 mail.evil.test ESMTP\r\n".to_owned()),
        ("answer-of-a-shell", "SSH-2.0-OpenSSH_9.9\r\n".to_owned()),
        ("answer-that-is-empty", String::new()),
        ("answer-that-ends-in-its-head", "HTTP/1.1 200 OK\r\nContent-Ty".to_owned()),
        ("header-without-a-colon", format!("HTTP/1.1 200 OK\r\npwned\r\n{whole}\r\n{IMAGE}")),
        ("header-with-a-nul", format!("HTTP/1.1 200 OK\r\nWarning: a\0pwned\r\n{whole}\r\n{IMAGE}")),
        ("header-with-a-bare-carriage-return", format!("HTTP/1.1 200 OK\r\nWarning: a\rX-Pwned: 1\r\n{whole}\r\n{IMAGE}")),
        ("header-with-a-space-before-its-colon", format!("HTTP/1.1 200 OK\r\nSet-Cookie : pwned\r\n{whole}\r\n{IMAGE}")),
        ("lengths-that-differ", format!("HTTP/1.1 200 OK\r\n{whole}Content-Length: 5\r\n\r\n{IMAGE}")),
        ("length-that-is-negative", format!("HTTP/1.1 200 OK\r\n{oci}\r\nContent-Length: -1\r\n\r\n{IMAGE}")),
        ("length-in-letters", format!("HTTP/1.1 200 OK\r\n{oci}\r\nContent-Length: all\r\n\r\n{IMAGE}")),
        (
            "length-beyond-all-numbers",
            format!("HTTP/1.1 200 OK\r\n{oci}\r\nContent-Length: 99999999999999999999\r\n\r\n{IMAGE}"),
        ),
        (
            "length-longer-than-the-body",
            format!("HTTP/1.1 200 OK\r\n{oci}\r\nContent-Length: {}\r\n\r\n{IMAGE}", length + 1),
        ),
        (
            "length-shorter-than-the-body",
            format!("HTTP/1.1 200 OK\r\n{oci}\r\nContent-Length: {}\r\n\r\n{IMAGE}", length - 1),
        ),
        (
            "chunk-whose-length-is-no-number",
            format!("HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{IMAGE}"),
        ),
        (
            "chunk-that-is-negative",
            format!("HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{IMAGE}\r\n0\r\n\r\n"),
        ),
        (
            "chunk-beyond-all-numbers",
            format!(
                "HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{IMAGE}\r\n0\r\n\r\n"
            ),
        ),
        (
            "chunks-without-an-end",
            format!("HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{IMAGE}\r\n"),
        ),
        (
            "protocols-switched",
            format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n{IMAGE}"),
        ),
        ("head-of-a-megabyte", format!("HTTP/1.1 200 OK\r\nX: {}\r\n{whole}\r\n{IMAGE}", "a".repeat(1 << 20))),
        (
            "page-that-ends-with-the-connection",
            "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>pwned</html>".to_owned(),
        ),
        ("header-folded-over-two-lines", format!("HTTP/1.1 200 OK\r\nX-Odd: a\r\n Set-Cookie: pwned\r\n{whole}\r\n{IMAGE}")),
        (
            "length-and-chunks",
            format!(
                "HTTP/1.1 200 OK\r\n{oci}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{IMAGE}\r\n0\r\n\r\n"
            ),
        ),
    ];
    let broken = broken.map(|(name, bytes)| {
        (case(name).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST]).hides("<html>"), bytes.into_bytes())
    });
    let harmless = [
        ("second-answer-behind-the-first", format!("HTTP/1.1 200 OK\r\n{whole}\r\n{IMAGE}{second}")),
        (
            "second-answer-behind-the-last-chunk",
            format!(
                "HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{IMAGE}\r\n0\r\n\r\n{second}"
            ),
        ),
        ("header-twice", format!("HTTP/1.1 200 OK\r\nSet-Cookie: pwned\r\nSet-Cookie: pwned\r\n{whole}\r\n{IMAGE}")),
        (
            "trailer-behind-the-last-chunk",
            format!(
                "HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{IMAGE}\r\n0\r\nSet-Cookie: pwned\r\n\r\n"
            ),
        ),
        // The body ends with the connection then, and is verified.
        ("encoding-that-nobody-knows", format!("HTTP/1.1 200 OK\r\n{oci}\r\nTransfer-Encoding: pwned\r\n\r\n{IMAGE}")),
    ];
    let harmless = harmless.map(|(name, bytes)| (case(name).served(200).asked([ASKED_MANIFEST]), bytes.into_bytes()));
    broken.into_iter().chain(harmless).collect()
}

pub fn cases() -> Vec<Case> {
    answers().into_iter().map(|(case, _)| case).collect()
}
