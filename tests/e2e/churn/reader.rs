//! A client that takes a blob at its own pace. The kernel reads little ahead for it: whoever sends must wait.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use super::BOUND;
use super::source::{HOST, PIECE, PIECES, piece};
use crate::world::World;

/// How much the kernel keeps for one that does not read.
const RECEIVED: u32 = 32 * 1024;

pub struct Reader {
    connection: BufReader<TcpStream>,
    digest: String,
    next: usize,
}

impl Reader {
    /// Asks for a blob, and reads the answer's head.
    pub async fn ask(world: &World, repository: &str, digest: &str) -> Reader {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(RECEIVED).expect("a small buffer");
        let mut connection = socket.connect(world.worker.address).await.expect("connecting");
        // workerd hears of a hang-up at once only where the connection is reset.
        connection.set_zero_linger().expect("a socket that can be reset");
        let authority = world.authority(HOST);
        let request = format!("GET /v2/{repository}/blobs/{digest} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("sending a request");
        let mut reader =
            Reader { connection: BufReader::with_capacity(4096, connection), digest: digest.to_owned(), next: 0 };
        let head = tokio::time::timeout(BOUND, reader.head()).await.expect("an answer in time").to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head:?}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", PIECE * PIECES)), "{head:?}");
        reader
    }

    async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.connection.read_line(&mut head).await.expect("more of the head");
            assert!(read > 0, "the connection ended after {head:?}");
        }
        head
    }

    /// Reads the next piece, which must be this blob's.
    pub async fn take(&mut self) {
        let mut bytes = vec![0; PIECE];
        let read = tokio::time::timeout(BOUND, self.connection.read_exact(&mut bytes)).await;
        read.expect("the next piece in time").expect("the next piece");
        assert!(bytes == piece(&self.digest, self.next), "piece {} of {} is another's", self.next, self.digest);
        self.next += 1;
    }

    /// Reads all that there is.
    pub async fn finish(mut self) {
        while self.next < PIECES {
            self.take().await;
        }
    }
}
