//! What can go wrong behind the Worker, and where.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use http::StatusCode;

use crate::image::{Blob, Plain};
use crate::personality::Said;
use crate::personality::gitlab::GITLAB;
use crate::personality::hub::HUB;
use crate::play::answers::say;
use crate::play::{Lie, Play};
use crate::puller::Wanted;
use crate::upstream::{self, Answer, Asked, Break, Host, Hosts};

/// One thing that goes wrong.
#[derive(Clone, Copy)]
pub struct Fault {
    /// What the page says of it, behind who does it: "429 with `Retry-After`".
    pub what: &'static str,
    pub at: Place,
    pub does: Does,
    /// It does so once, and then never again.
    pub once: bool,
    /// What it is answered with.
    pub answer: Answered,
}

/// Who does it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// The registry's token server.
    Tokens,
    /// The registry, asked for a manifest.
    Manifest,
    /// Docker Hub, asked for a manifest of which its mirrors have nothing.
    DockerHub,
    /// The registry, asked for a blob.
    Blob,
    /// The storage that the registry sends us to for a blob, which is small enough to be held.
    Storage,
    /// The same, of a blob that passes.
    Large,
}

/// What it does.
#[derive(Clone, Copy)]
pub enum Does {
    /// Says this.
    Says(Said),
    /// Says this much of it: 200, and ten megabytes.
    SaysTooMuch,
    /// Sends the truth, changed.
    Lies(Lie),
    /// Redirects to itself.
    RedirectsToItself,
    /// Is not there: the connection is refused.
    Refuses,
    /// Ends the connection without a word.
    HangsUp,
    /// Resets it within the head.
    ResetsInHead,
    /// Sends half of what there is, then resets it.
    Resets,
    /// Takes the request and says nothing.
    IsSilent,
    /// Sends half of what there is, and no more.
    Stalls,
}

/// What the Worker makes of it.
#[derive(Clone, Copy, Debug)]
pub enum Answered {
    /// What the registry said, in its own words or in ours: no `x-pierhead-error`.
    Told(u16, &'static str),
    /// An error of ours: an upstream is at fault.
    Ours(u16, &'static str),
    /// A body that visibly breaks off.
    BreaksOff,
    /// A body that goes on as soon as the other side does.
    Waits,
    /// A whole body that the client has to verify.
    Passes,
}

/// The registry of most faults, and of Docker Hub's own.
pub struct Stricken {
    play: Arc<Play>,
    hosts: Hosts,
    repository: &'static str,
    /// What is pulled.
    pub image: Plain,
}

/// What is pulled, made once: to pack its last layer, which is too large to be held, takes its time.
static IMAGE: LazyLock<Plain> = LazyLock::new(|| Plain::with_layer_of("app", 6 << 20));

impl Place {
    /// The row of the registry it belongs to.
    pub fn registry(self) -> &'static crate::personality::Personality {
        if self == Place::DockerHub { &HUB } else { &GITLAB }
    }

    /// What the image is called there.
    pub fn repository(self) -> &'static str {
        if self == Place::DockerHub { "library/app" } else { "group/app" }
    }

    /// What the page calls it.
    pub fn who(self) -> &'static str {
        match self {
            Place::Tokens => "token server",
            Place::Manifest => "registry, of a manifest",
            Place::DockerHub => "Docker Hub, of a manifest",
            Place::Blob => "registry, of a blob",
            Place::Storage => "storage, of a small blob",
            Place::Large => "storage, of a large blob",
        }
    }

    /// The host that does it.
    pub fn host(self) -> &'static str {
        match self {
            Place::Tokens => "gitlab.com",
            Place::Manifest | Place::Blob => "registry.gitlab.com",
            Place::DockerHub => "registry-1.docker.io",
            Place::Storage | Place::Large => "cdn.registry.gitlab-static.net",
        }
    }

    /// Whether a request is one that goes wrong.
    fn is_asked(self, asked: &Asked, image: &Plain) -> bool {
        let path = asked.uri().path();
        let hex = |blob: &Blob| blob.digest.trim_start_matches("sha256:").to_owned();
        match self {
            Place::Tokens => path == "/jwt/auth",
            Place::Manifest | Place::DockerHub => path.contains("/manifests/"),
            Place::Blob => path.contains("/blobs/"),
            Place::Storage => path.contains(&hex(image.layer())),
            Place::Large => path.contains(&hex(image.last_layer())),
        }
    }

    /// What of the image a plain client asks for to meet it.
    pub fn resource(self, image: &Plain) -> String {
        match self {
            Place::Tokens | Place::Manifest | Place::DockerHub => "manifests/1".to_owned(),
            Place::Blob | Place::Storage => format!("blobs/{}", image.layer().digest),
            Place::Large => format!("blobs/{}", image.last_layer().digest),
        }
    }
}

impl Fault {
    /// How a test calls it.
    pub fn name(&self) -> String {
        format!("{}: {}", self.at.who(), self.what)
    }

    /// A registry with this fault.
    pub fn stricken(self) -> Stricken {
        let (personality, repository) = (self.at.registry(), self.at.repository());
        let image = IMAGE.clone();
        let play = Play::bare(personality);
        play.hold(repository, "1", &image);
        let mut hosts = play.hosts();
        let (faulty, done) = (self.at.host(), Arc::new(AtomicBool::new(false)));
        let host = hosts.remove(faulty).expect("a host of this registry");
        let wanted = image.clone();
        hosts.insert(
            faulty.to_owned(),
            host.interrupted(move |asked, host| {
                let is_it = self.at.is_asked(&asked, &wanted) && !(self.once && done.swap(true, Ordering::Relaxed));
                async move { if is_it { self.does.answer(repository, asked, host).await } else { host.answer(asked).await } }
            }),
        );
        if self.at == Place::DockerHub {
            hosts.extend(crate::hub::idle_mirrors());
        }
        Stricken { play, hosts, repository, image }
    }
}

impl Stricken {
    /// What a client pulls.
    pub fn wanted(&self) -> Wanted<'_> {
        let manners = self.play.manners;
        Wanted {
            registry: manners.registry,
            label: manners.label,
            repository: self.repository,
            tag: "1",
            digest: &self.image.manifest.digest,
            login: None,
        }
    }

    pub fn hosts(&self) -> Hosts {
        self.hosts.clone()
    }
}

impl Does {
    async fn answer(self, repository: &str, asked: Asked, host: Host) -> Answer {
        match self {
            Does::Says(said) => say(&said, repository),
            Does::SaysTooMuch => upstream::reply(StatusCode::OK, "application/json", vec![b' '; 10 << 20]),
            Does::Lies(lie) => lie.told(host.answer(asked).await).await,
            Does::RedirectsToItself => {
                let itself = asked.uri().path_and_query().map_or("/", |target| target.as_str());
                upstream::redirect(itself)
            }
            // The whole internet is: see `Upstream::close`.
            Does::Refuses | Does::HangsUp => upstream::hang_up(),
            Does::ResetsInHead => Break::InHead.on(host.answer(asked).await),
            Does::Resets => Break::AtEnd.on(Lie::Cut.told(host.answer(asked).await).await),
            Does::IsSilent => pending().await,
            Does::Stalls => upstream::stalled(host.answer(asked).await).await,
        }
    }
}
