//! Whose credentials are these?
//!
//! Clients keep one login per host and send it for whatever they pull from there. On a host that serves many
//! registries that would hand a Docker Hub password to ghcr.io. So credentials belong to the registry the host stands
//! for (a gateway's default), unless the user name says otherwise: `ghcr.io/alice`.

use std::rc::Rc;

use crate::auth::Basic;
use crate::exchange::Exchange;
use crate::oci::{Code, OciError};
use crate::platform::Platform;
use crate::registry::Registry;

impl<P: Platform> Exchange<P> {
    /// The registry that credentials belong to, and the credentials as that registry knows them.
    #[must_use]
    pub fn owner(&self, basic: &Basic) -> (Rc<Registry>, Basic) {
        let named = basic.split_registry().and_then(|(name, user)| Some((self.config.registries.by_name(name)?, user)));
        named.unwrap_or_else(|| (Rc::clone(&self.site.home), basic.clone()))
    }

    /// Lets credentials go to their owner, a canonical name, only.
    ///
    /// # Errors
    ///
    /// `UNAUTHORIZED`, saying how to log in to the registry that is asked.
    pub fn check_owner(&self, registry: &Registry, owner: &str) -> Result<(), OciError> {
        if owner == registry.name {
            return Ok(());
        }
        let label = registry.labels.first().map(|label| format!(", or use a host that begins with `{label}.`"));
        Err(OciError::new(
            Code::Unauthorized,
            format!(
                "the login stored for `{}` belongs to `{}` and is not sent to `{}`; log in with the user name \
                 `{}/<your user name>`{}",
                self.site.authority,
                owner,
                registry.name,
                registry.name,
                label.unwrap_or_default(),
            ),
        ))
    }
}
