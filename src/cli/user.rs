//! `sotto user`.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::keys::keyring;
use super::{Common, runtime};
use crate::auth::People;
use crate::auth::password::Password;
use crate::server::people;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes an account. Its password is asked for, or read from stdin.
    Add {
        /// The name to sign in with.
        name: String,
        /// Somebody who looks after the server.
        #[arg(long)]
        admin: bool,
    },
    /// Lists the accounts.
    List,
    /// Sets the password of an account, and ends its logins.
    Password {
        /// Its name.
        name: String,
    },
    /// Keeps an account out: its logins and tokens end. What it keeps stays.
    Disable {
        /// Its name.
        name: String,
    },
    /// Lets an account in again.
    Enable {
        /// Its name.
        name: String,
    },
    /// Deletes an account with everything that it keeps.
    Remove {
        /// Its name.
        name: String,
    },
    /// Makes an invitation that one person can make an account with (`auth.sign_up: invite`).
    Invite {
        /// For so many days.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
    },
}

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    let config = options.common.load()?;
    let keyring = Arc::new(keyring()?);
    // Before the runtime: somebody who types may take their time.
    let password = match &options.action {
        Action::Add { .. } | Action::Password { .. } => Some(ask_password()?),
        _ => None,
    };
    runtime()?.block_on(async {
        let people = people(&config, keyring).await?;
        act(&people, options.action, password).await
    })
}

async fn act(people: &People, action: Action, password: Option<Password>) -> anyhow::Result<()> {
    let password = password.context("there is no password");
    match action {
        Action::Add { name, admin } => {
            let person = people.add(&name, password?, admin).await?;
            println!("{} can sign in", person.name.unwrap_or_default());
        }
        Action::List => {
            for (person, disabled) in people.accounts().await? {
                let name = person.name.as_deref().unwrap_or_default();
                let admin = if person.admin { "  admin" } else { "" };
                println!("{name}{admin}{}", if disabled { "  disabled" } else { "" });
            }
        }
        Action::Password { name } => {
            people.set_password(&name, password?).await.with_context(|| name.clone())?;
            println!("{name} has another password; all logins have ended");
        }
        Action::Disable { name } => {
            people.set_disabled(&name, true).await.with_context(|| name.clone())?;
            println!("{name} is kept out");
        }
        Action::Enable { name } => {
            people.set_disabled(&name, false).await.with_context(|| name.clone())?;
            println!("{name} can sign in again");
        }
        Action::Remove { name } => {
            people.remove_named(&name).await.with_context(|| name.clone())?;
            println!("{name} is gone, with everything that was kept");
        }
        Action::Invite { days } => {
            let invite = people.invite(days).await?;
            println!("{}", &*invite.code);
            eprintln!("good for one account, for {days} days; it is not shown again");
        }
    }
    Ok(())
}

/// Asks twice without showing what is typed; a line of stdin, when that is no terminal.
fn ask_password() -> anyhow::Result<Password> {
    if !io::stdin().is_terminal() {
        return read_line().map(Password::new);
    }
    let first = ask("Password: ")?;
    let second = ask("Again: ")?;
    anyhow::ensure!(first == second, "the passwords differ");
    Ok(Password::new(first))
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    eprint!("{prompt}");
    io::stderr().flush()?;
    let shown = echo("-echo");
    let line = read_line();
    if shown.is_ok() {
        echo("echo").context("the terminal does not show what you type; enter: stty echo")?;
    }
    eprintln!();
    line
}

/// Lets the terminal show what is typed, or not.
fn echo(setting: &str) -> anyhow::Result<()> {
    let done = Command::new("stty")
        .arg(setting)
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .status()
        .context("stty")?;
    anyhow::ensure!(done.success(), "stty {setting}: {done}");
    Ok(())
}

/// A line without its end; nothing else of it is changed.
fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
