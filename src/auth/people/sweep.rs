//! What goes by itself: logins that have ended, guests who have not come for long, invitations that are spent.

use std::time::Duration;

use super::super::error::AuthError;
use super::super::id::PersonId;
use super::super::person::Kind;
use super::People;
use crate::store::{invites, people};

/// How often it is looked.
const EVERY: Duration = Duration::from_mins(5);
/// Rows in one statement: each holds the writer for a moment only.
const BATCH: i64 = 1_000;

/// What went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Logins that had ended.
    pub logins: u64,
    /// Guests who had not come for long, with everything of theirs.
    pub guests: u64,
    /// Invitations that were used or had expired.
    pub invites: u64,
}

impl People {
    /// Sweeps every five minutes, for ever.
    pub async fn keep_sweeping(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            match self.sweep().await {
                Ok(Swept { logins: 0, guests: 0, invites: 0 }) => {}
                Ok(Swept { logins, guests, invites }) => {
                    tracing::info!(logins, guests, invites, "what had ended was forgotten");
                }
                Err(error) => tracing::warn!(%error, "what has ended could not be forgotten"),
            }
        }
    }

    /// Sweeps once.
    pub async fn sweep(&self) -> Result<Swept, AuthError> {
        let now = self.clock.now_ms();
        let mut swept = Swept::default();
        loop {
            let logins = self.logins.sweep(now, BATCH).await?;
            swept.logins += logins;
            if logins < BATCH as u64 {
                break;
            }
        }
        loop {
            let invites = invites::delete_spent(&self.db, now, BATCH).await?;
            swept.invites += invites;
            if invites < BATCH as u64 {
                break;
            }
        }
        swept.guests = self.sweep_guests(now).await?;
        Ok(swept)
    }

    async fn sweep_guests(&self, now_ms: i64) -> Result<u64, AuthError> {
        let rested = self.lifetimes().cookie(Kind::Guest, false).unwrap_or_default();
        let before = now_ms.saturating_sub(rested.as_millis() as i64);
        let mut guests = 0;
        loop {
            let idle = people::idle_guests(&self.db, before, BATCH).await?;
            let more = idle.len() as i64 == BATCH;
            let mut gone = Vec::new();
            for id in idle {
                // One that has come back in this moment stays.
                if people::delete_idle_guest(&self.db, &id, before).await? {
                    let id = PersonId::stored(id);
                    self.logins.end_others(&id, None).await?;
                    gone.push(id);
                }
            }
            if gone.is_empty() {
                break;
            }
            guests += gone.len() as u64;
            self.belongings.forget(&gone).await.map_err(AuthError::Belongings)?;
            if !more {
                break;
            }
        }
        if guests > 0 {
            self.db.forget_log().await?;
        }
        Ok(guests)
    }
}
