//! The way to the host: names, connections, certificates.

use http::header;
use tokio::io::AsyncWriteExt as _;

use super::middlebox::{Middlebox, NOW, Papers, as_it_is};
use super::{HELLO, Question, healthy};
use crate::stage::Stage;
use crate::upstream::Answer;

pub async fn to_the_host(_: &Stage) {
    // Too long for a name, so that no name server is asked for it.
    let name = format!("{}.example.com", "a".repeat(64));
    Question::of(&name, HELLO)
        .is_ill("a name that does not resolve", "dns", "no-address", &["DNS: ", &name, "mend its spelling"])
        .await;

    let nobody = Middlebox::raw(async |_| {}).await.authority("docker.localhost");
    Question::of(&nobody, HELLO)
        .is_ill("nobody listens", "tcp", "refused", &["nobody listens at `docker.localhost`", "npm start"])
        .await;

    let silent = Middlebox::raw(async |socket| {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        drop(socket);
    })
    .await;
    let host = silent.authority("docker.localhost");
    Question::of(&host, HELLO)
        .is_ill("takes the question and says nothing", "healthz", "silent", &[&host, "for 2 s", "wrangler tail"])
        .await;

    let short = Middlebox::raw(async |socket| drop(socket)).await;
    let host = short.authority("docker.localhost");
    Question::of(&host, HELLO)
        .is_ill("hangs up without a word", "healthz", "hung-up", &["ended the connection", "look for what stands before"])
        .await;

    let other = Middlebox::raw(async |mut socket| {
        let _ = socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    })
    .await;
    Question::of(other.authority("docker.localhost"), HELLO)
        .is_ill("speaks something that is no HTTP", "healthz", "no-http", &["no HTTP", "mend the port"])
        .await;
}

pub async fn tls(stage: &Stage) {
    let (_hub, world) = healthy(stage, &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = |papers: &Papers| {
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, &papers.authority).expect("writing the certificate");
        file.to_str().expect("a UTF-8 temporary folder").to_owned()
    };
    for (set_up, papers, is_trusted, fault, words) in [
        (
            "a certificate for another name",
            Papers::new("other.example", NOW, false),
            true,
            "other-name",
            ["is for other.example, not for `docker.localhost`", "one label below the zone"],
        ),
        (
            "a certificate that has expired",
            Papers::new("docker.localhost", (2020, 2021), false),
            true,
            "expired",
            ["ended on Jan  1 00:00:00 2021", "renew it"],
        ),
        (
            "a certificate of the future (or a clock that is behind)",
            Papers::new("docker.localhost", (2090, 2100), false),
            true,
            "not-yet",
            ["begins on Jan  1 00:00:00 2090", "mend that clock"],
        ),
        (
            "a certificate signed by itself",
            Papers::new("docker.localhost", NOW, true),
            false,
            "self-signed",
            ["signed by itself", "NODE_EXTRA_CA_CERTS"],
        ),
        (
            "a certificate of an authority that nobody knows",
            Papers::new("docker.localhost", NOW, false),
            false,
            "untrusted",
            ["is of Somebody's Firewall, whom this machine does not trust", "NODE_EXTRA_CA_CERTS"],
        ),
    ] {
        let server = Middlebox::tls(&papers, world.worker.address).await;
        let mut question = Question::of(format!("https://{}", server.authority("docker.localhost")), HELLO);
        if is_trusted {
            question = question.with("NODE_EXTRA_CA_CERTS", trusted(&papers));
        }
        question.is_ill(set_up, "tls", fault, &words).await;
    }

    let cut = Middlebox::raw(async |socket| drop(socket)).await;
    Question::of(format!("https://{}", cut.authority("docker.localhost")), HELLO)
        .is_ill(
            "the handshake is broken off",
            "tls",
            "no-handshake",
            &["breaks off the handshake", "one label below the zone"],
        )
        .await;

    Question::of(format!("https://{}", world.authority("docker.localhost")), HELLO)
        .is_ill("https to a port of plain http", "tls", "no-tls", &["speaks no TLS on port", "mend the port"])
        .await;

    // A Worker that is not told that its clients use TLS gives them the wrong address for tokens.
    let papers = Papers::new("docker.localhost", NOW, false);
    let server = Middlebox::tls(&papers, world.worker.address).await;
    let host = server.authority("docker.localhost");
    let words = [format!("is `http://{host}`, though clients ask `https://{host}`"), "whatever ends TLS".to_owned()];
    Question::of(format!("https://{host}"), HELLO)
        .with("NODE_EXTRA_CA_CERTS", trusted(&papers))
        .is_ill("TLS ends before a Worker that is not told", "challenge", "realm-scheme", &[&words[0], &words[1]])
        .await;

    let told = Middlebox::before(
        &world,
        |_| {},
        |asked, told| {
            let mut answer: Answer = as_it_is(asked, told);
            if let Some(challenge) = answer.headers().get(header::WWW_AUTHENTICATE) {
                let secure = challenge.to_str().expect("a challenge").replace("http://", "https://");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, secure.parse().expect("a challenge"));
            }
            answer
        },
    )
    .await;
    let server = Middlebox::tls(&papers, told.address).await;
    let host = server.authority("docker.localhost");
    let report =
        Question::of(format!("https://{host}"), HELLO).with("NODE_EXTRA_CA_CERTS", trusted(&papers)).is_well(&[&host]).await;
    let said = report["checks"][2]["said"].as_str().expect("what is said of TLS");
    assert!(said.contains("TLSv1.3") && said.contains("until Jan  1 00:00:00 2100"), "{said}");
}
