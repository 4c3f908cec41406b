//! What a test wants of a server.

use crate::server::PostgresServer;

/// What a server is to be like; [`Self::start`] starts it.
#[derive(Debug)]
pub struct Setup {
    pub(crate) role: String,
    pub(crate) password: Option<String>,
    pub(crate) has_tls: bool,
    pub(crate) n_connections_max: u32,
    pub(crate) settings: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        let role = crate::server::NAME.to_owned();
        Self { role, password: None, has_tls: false, n_connections_max: 20, settings: Vec::new() }
    }
}

impl Setup {
    /// The role of the clients has this name, and must prove its password (SCRAM) on TCP.
    pub fn password(mut self, role: &str, password: &str) -> Self {
        role.clone_into(&mut self.role);
        self.password = Some(password.to_owned());
        self
    }

    /// TLS is offered, with a certificate for `localhost` and `127.0.0.1`.
    pub fn tls(mut self) -> Self {
        self.has_tls = true;
        self
    }

    /// So many connections the role may have. Three more are kept for [`PostgresServer::execute`].
    pub fn max_connections(mut self, n: u32) -> Self {
        self.n_connections_max = n;
        self
    }

    /// A further setting, as in `postgresql.conf`.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push(format!("{name}={value}"));
        self
    }

    /// Creates the cluster and starts it.
    ///
    /// # Panics
    ///
    /// When no Postgres is installed, or it does not start.
    pub fn start(self) -> PostgresServer {
        PostgresServer::create(&self)
    }
}
