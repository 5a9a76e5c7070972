//! What a pull costs: requests of the Worker, which is what an operator pays for, beside what the protocol needs.

use crate::client::Reply;
use crate::hub::Hub;
use crate::puller::{Puller, Style, Wanted};
use crate::stage::Stage;
use crate::world::World;

/// How many requests a client makes of a registry that wants no token, and of one that wants one, for an index, a
/// manifest, a config and three layers (measured against a plain registry). skopeo, oras and crane are told to copy both
/// platforms: one manifest and four blobs more. containerd 2 takes both platforms' manifests and configs.
fn protocol(puller: Puller) -> (usize, usize) {
    match puller {
        Puller::DockerClassic | Puller::Docker28Classic => (8, 9),
        Puller::DockerContainerd => (7, 9),
        Puller::Ctr => (7, 11),
        Puller::Ctr2 => (9, 13),
        Puller::Podman | Puller::Oci => (7, 8),
        Puller::Skopeo | Puller::Crane => (12, 13),
        Puller::Oras => (11, 13),
    }
}

/// Each client there is pulls an image twice, with clean storage.
pub async fn requests_a_pull(stage: &Stage) {
    let mut table = String::from(
        "| client | protocol, no token | protocol, token | Worker, cold | Worker, warm | upstream, cold | upstream, warm |\n",
    );
    let mut problems = Vec::new();
    for puller in Puller::present() {
        let hub = Hub::new();
        let mut world = stage.world(hub.hosts(), &[]).await;
        let image = &hub.origin.public.oci;
        let wanted = Wanted {
            registry: "docker.io",
            label: Some("docker"),
            repository: &image.name,
            tag: &image.tag,
            digest: &image.index.digest,
            login: None,
        };
        let (without, with) = protocol(puller);
        let [mut worker, mut upstream] = [[0; 2]; 2];
        for turn in 0..2 {
            let before = answered(&mut world, &format!("before-{turn}")).await;
            world.upstream.forget();
            if let Err(problem) = puller.pull(&world, Style::Host, &wanted).await {
                panic!("{}: {problem}", puller.name());
            }
            worker[turn] = answered(&mut world, &format!("after-{turn}")).await - before - 1;
            upstream[turn] = world.upstream.seen().len();
            if worker[turn] > with {
                problems.push(format!("{}, pull {turn}: {} requests, not {with}", puller.name(), worker[turn]));
            }
        }
        if upstream[1] > 0 {
            problems.push(format!("{}: asked upstream for what it has:\n{}", puller.name(), world.upstream.transcript()));
        }
        let [cold, warm] = worker;
        let name = puller.name();
        table += &format!("| {name} | {without} | {with} | {cold} | {warm} | {} | {} |\n", upstream[0], upstream[1]);
    }
    println!("requests for one pull:\n{table}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// How many requests the Worker has answered, up to one of ours, which it counts too: its log says them in order.
async fn answered(world: &mut World, name: &str) -> usize {
    let host = format!("{name}.localhost");
    Reply::to(world.ask(http::Method::GET, &host, "/healthz")).await;
    let is_line = |line: &str| line.starts_with('{') && line.contains("\"duration_ms\"");
    let marked = format!("\"{host}\"");
    let arrived = |log: &str| log.lines().any(|line| is_line(line) && line.contains(&marked));
    world.worker.process.until("the line of our own request", async |log| arrived(log)).await;
    world.worker.process.output().lines().filter(|line| is_line(line)).count()
}
