//! Logins in Redis. A login is one key that Redis forgets when it has ended; beside it each person has a hash from
//! the ids of their logins to the sums, to list and end them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, RedisResult, pipe};
use serde::{Deserialize, Serialize};

use super::{Login, LoginError};

/// No connection, or no answer, within this means that Redis is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Redis as the place of logins.
pub struct Redis {
    client: Client,
    /// One for all; made anew when it broke.
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What is kept under a login's sum.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    person: String,
    label: String,
    remember: bool,
    created_ms: i64,
    seen_ms: i64,
    expires_ms: i64,
}

impl Redis {
    /// At this address. It need not be there yet.
    pub fn new(url: &str) -> RedisResult<Self> {
        Ok(Self { client: Client::open(url)?, connection: Mutex::new(None) })
    }

    pub(super) async fn insert(&self, login: &Login, longest_ms: i64) -> Result<(), LoginError> {
        let mut commands = pipe();
        commands.atomic();
        commands
            .cmd("SET")
            .arg(key(&login.hash))
            .arg(to_text(login)?)
            .arg("PXAT")
            .arg(login.expires_ms)
            .ignore();
        commands
            .cmd("HSET")
            .arg(person_key(&login.person))
            .arg(&login.id)
            .arg(hex(&login.hash))
            .ignore();
        keep(&mut commands, &login.person, longest_ms);
        self.run(&commands).await
    }

    pub(super) async fn by_hash(&self, hash: &[u8]) -> Result<Option<Login>, LoginError> {
        let mut commands = pipe();
        commands.cmd("GET").arg(key(hash));
        let (text,): (Option<String>,) = self.run(&commands).await?;
        text.map(|text| from_text(hash, &text)).transpose()
    }

    /// Writes a login that is still there: one that was ended meanwhile must not come back.
    pub(super) async fn touch(&self, login: &Login, longest_ms: i64) -> Result<(), LoginError> {
        let mut commands = pipe();
        commands
            .cmd("SET")
            .arg(key(&login.hash))
            .arg(to_text(login)?)
            .arg("XX")
            .arg("PXAT")
            .arg(login.expires_ms)
            .ignore();
        keep(&mut commands, &login.person, longest_ms);
        self.run(&commands).await
    }

    pub(super) async fn of_person(&self, person: &str) -> Result<Vec<Login>, LoginError> {
        let known = self.known(person).await?;
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let mut get = pipe();
        let command = get.cmd("MGET");
        for (_, hash) in &known {
            command.arg(key(hash));
        }
        let (texts,): (Vec<Option<String>>,) = self.run(&get).await?;
        let (mut logins, mut ended) = (Vec::new(), Vec::new());
        for ((id, hash), text) in known.into_iter().zip(texts) {
            match text {
                Some(text) => logins.push(from_text(&hash, &text)?),
                None => ended.push(id),
            }
        }
        if !ended.is_empty() {
            let mut forget = pipe();
            forget.cmd("HDEL").arg(person_key(person)).arg(ended).ignore();
            self.run::<()>(&forget).await?;
        }
        Ok(logins)
    }

    pub(super) async fn delete(&self, person: &str, id: &str) -> Result<bool, LoginError> {
        let known = self.known(person).await?;
        let Some((_, hash)) = known.into_iter().find(|(known, _)| known == id) else {
            return Ok(false);
        };
        let mut commands = pipe();
        commands.atomic();
        commands.cmd("DEL").arg(key(&hash));
        commands.cmd("HDEL").arg(person_key(person)).arg(id).ignore();
        let (deleted,): (i64,) = self.run(&commands).await?;
        Ok(deleted > 0)
    }

    pub(super) async fn delete_others(
        &self,
        person: &str,
        kept: Option<&str>,
    ) -> Result<(), LoginError> {
        let mut commands = pipe();
        commands.atomic();
        for (id, hash) in self.known(person).await? {
            if Some(id.as_str()) != kept {
                commands.cmd("DEL").arg(key(&hash)).ignore();
                commands.cmd("HDEL").arg(person_key(person)).arg(id).ignore();
            }
        }
        if commands.is_empty() { Ok(()) } else { self.run(&commands).await }
    }

    pub(super) async fn ping(&self) -> Result<(), LoginError> {
        let mut commands = pipe();
        commands.cmd("PING").ignore();
        self.run(&commands).await
    }

    /// Ids and sums of a person's logins, also of some that have ended.
    async fn known(&self, person: &str) -> Result<Vec<(String, Vec<u8>)>, LoginError> {
        let mut commands = pipe();
        commands.cmd("HGETALL").arg(person_key(person));
        let (known,): (Vec<(String, String)>,) = self.run(&commands).await?;
        known
            .into_iter()
            .map(|(id, hash)| Ok((id, from_hex(&hash).ok_or(LoginError::Unreadable)?)))
            .collect()
    }

    /// Runs commands. A connection that broke is made anew once: Redis may have been restarted.
    async fn run<T: FromRedisValue>(&self, commands: &redis::Pipeline) -> Result<T, LoginError> {
        let kept = self.kept().clone();
        if let Some(mut connection) = kept {
            match commands.query_async(&mut connection).await {
                Err(error) if is_broken(&error) => *self.kept() = None,
                done => return Ok(done?),
            }
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *self.kept() = Some(connection.clone());
        Ok(commands.query_async(&mut connection).await?)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_timeout()
}

/// Keeps a person's list for as long as any login in it can live.
fn keep(commands: &mut redis::Pipeline, person: &str, longest_ms: i64) {
    commands.cmd("PEXPIRE").arg(person_key(person)).arg(longest_ms).ignore();
}

fn key(hash: &[u8]) -> String {
    format!("sotto:login:{}", hex(hash))
}

fn person_key(person: &str) -> String {
    format!("sotto:logins:{person}")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn to_text(login: &Login) -> Result<String, LoginError> {
    let kept = Kept {
        id: login.id.clone(),
        person: login.person.clone(),
        label: login.label.clone(),
        remember: login.remember,
        created_ms: login.created_ms,
        seen_ms: login.seen_ms,
        expires_ms: login.expires_ms,
    };
    serde_json::to_string(&kept).map_err(|_| LoginError::Unreadable)
}

fn from_text(hash: &[u8], text: &str) -> Result<Login, LoginError> {
    let kept: Kept = serde_json::from_str(text).map_err(|_| LoginError::Unreadable)?;
    Ok(Login {
        id: kept.id,
        hash: hash.to_vec(),
        person: kept.person,
        label: kept.label,
        remember: kept.remember,
        created_ms: kept.created_ms,
        seen_ms: kept.seen_ms,
        expires_ms: kept.expires_ms,
    })
}
