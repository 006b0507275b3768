//! `sotto serve`.

mod sealed;

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::Common;
use crate::config::{Auth, Config, OpenCalls, SignUp};
use crate::server::Server;
use crate::store::db::SQLITE_FILE;
use crate::telemetry;

pub(super) fn run(common: &Common) -> anyhow::Result<()> {
    let config = Arc::new(common.load()?);
    telemetry::start(&config.telemetry).map_err(anyhow::Error::msg)?;
    telemetry::panics::log_without_messages();
    sealed::seal();
    let keyring = Arc::new(super::keys::keyring()?);
    let store = Arc::new(super::store(&config));
    super::runtime()?.block_on(async {
        let server = Server::start(Arc::clone(&config), keyring, store).await?;
        announce(&config, &server);
        server.run(stop_signal()).await?;
        Ok(())
    })
}

/// Says in a few lines what runs and why.
fn announce(config: &Config, server: &Server) {
    let addresses = server.calls().webrtc().addresses();
    let port = addresses.first().map_or(0, std::net::SocketAddr::port);
    let hosts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    println!("sotto {}", env!("CARGO_PKG_VERSION"));
    println!("  page      {}", server.url());
    println!("  media     UDP {port} on {}", hosts.join(", "));
    if let Some(address) = server.metrics_address() {
        println!("  metrics   http://{address}/metrics");
    }
    let engines = server.calls().engines();
    for choice in &engines.choices {
        println!("  {:<9} {} ({})", label(choice.stage), choice.name, choice.for_operator());
    }
    let standing = server.calls().admission().standing();
    println!("  takes     {} ({})", calls(standing.limit), standing.why);
    if engines.recogniser.is_none() {
        println!("  Nobody can call before there is a recognition engine: sotto doctor");
    }
    let loopback = config.server.bind.ip().is_loopback();
    if !loopback {
        say_who_may_come(&config.auth);
    }
    if !loopback && !config.server.tls.enabled() {
        println!(
            "  Browsers elsewhere give no microphone to plain HTTP: server.tls.self_signed: true"
        );
    }
    let place = match config.database.url.reveal() {
        Some(_) => "PostgreSQL".to_owned(),
        None => config.server.data_dir.join(SQLITE_FILE).display().to_string(),
    };
    println!("  keeps     conversations, encrypted, in {place}");
    println!("  Press Ctrl-C to stop.");
}

fn calls(limit: usize) -> String {
    if limit == 1 { "1 call at once".to_owned() } else { format!("{limit} calls at once") }
}

/// On a door that others can reach: who is let in.
fn say_who_may_come(auth: &Auth) {
    if auth.open_calls == OpenCalls::Loopback {
        println!("  Without credentials only this machine may call (auth.open_calls).");
    }
    match (auth.guests, auth.sign_up) {
        (true, _) => {
            println!("  Everybody who reaches the page may come as a guest (auth.guests).");
        }
        (false, SignUp::Open) => {
            println!("  Everybody who reaches the page may make an account (auth.sign_up).");
        }
        (false, _) => {}
    }
}

fn label(stage: &str) -> &str {
    match stage {
        "vad" => "notices",
        "turn" => "turns",
        "stt" => "hears",
        "llm" => "thinks",
        "tts" => "speaks",
        other => other,
    }
}

/// The first signal asks the server to stop; a second one ends the process.
async fn stop_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without signals only the end of the process stops it.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!("stopping; press Ctrl-C again to stop at once");
    // Whoever asks twice does not want to wait.
    #[expect(
        clippy::disallowed_methods,
        reason = "the process ends with it, whatever it is doing"
    )]
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
}
