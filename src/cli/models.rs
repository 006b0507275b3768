//! `sotto models`.

use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Common, runtime};
use crate::engine::wanted;
use crate::models::{Model, Progress, Status, Store};
use crate::server::puller;

/// How long somebody who looks on waits for a slow hub to begin to answer.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the models that are known and whether they are here.
    List,
    /// Fetches models; without names, what this machine needs.
    Pull {
        /// Their names.
        names: Vec<String>,
        /// Asks no network: says what is missing.
        #[arg(long)]
        offline: bool,
    },
    /// Checks the sums of the models that are here.
    Verify {
        /// Their names; none: all.
        names: Vec<String>,
    },
}

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    let mut config = options.common.load()?;
    let store = super::store(&config);
    match options.action {
        Action::List => {
            list(&store);
            Ok(())
        }
        Action::Pull { names, offline } => {
            config.models.offline |= offline;
            let models = if names.is_empty() {
                wanted(&config, store.manifest())
            } else {
                named(&store, &names)?
            };
            let puller = puller(&config)?.with_patience(PATIENCE);
            let runtime = runtime()?;
            let mut failed = 0;
            for model in models {
                let pull = async {
                    let folder = store.target(model);
                    puller.pull(model, &folder, &mut Bar::default()).await
                };
                match runtime.block_on(pull) {
                    Ok(()) => println!("{}: here", model.name),
                    Err(error) => {
                        failed += 1;
                        eprintln!("{}: {error}", model.name);
                    }
                }
            }
            anyhow::ensure!(failed == 0, "{failed} of the models could not be fetched");
            Ok(())
        }
        Action::Verify { names } => {
            let models: Vec<&Model> = if names.is_empty() {
                let all = store.manifest().iter();
                all.filter(|model| store.status(model) != Status::Missing).collect()
            } else {
                named(&store, &names)?
            };
            let mut wrong = 0;
            for model in models {
                match store.verify(model) {
                    Ok(folder) => println!("{}: good ({})", model.name, folder.display()),
                    Err(error) => {
                        wrong += 1;
                        println!("{}: {error}", model.name);
                    }
                }
            }
            anyhow::ensure!(wrong == 0, "{wrong} of the models cannot be used");
            Ok(())
        }
    }
}

fn named<'a>(store: &'a Store, names: &[String]) -> anyhow::Result<Vec<&'a Model>> {
    let find = |name: &String| {
        store.manifest().get(name).with_context(|| match store.manifest().nearest(name) {
            Some(nearest) => format!("there is no model {name}; did you mean {nearest}?"),
            None => format!("there is no model {name}; see sotto models list"),
        })
    };
    names.iter().map(find).collect()
}

fn list(store: &Store) {
    for model in store.manifest().iter().filter(|model| model.has_files()) {
        let status = match store.status(model) {
            Status::Here => "here",
            Status::Missing => "-",
            Status::Damaged => "damaged",
        };
        println!(
            "{:<24} {:<8} {:>7}  {:<12} {}",
            model.name,
            status,
            format!("{} MB", model.size().div_ceil(1_000_000)),
            model.licence,
            model.about
        );
    }
}

/// A progress bar on the terminal.
#[derive(Default)]
struct Bar(Option<ProgressBar>);

impl Progress for Bar {
    fn begin(&mut self, file: &str, size: u64, have: u64) {
        let bar = ProgressBar::new(size).with_position(have).with_message(file.to_owned());
        let look = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(look) {
            bar.set_style(style.progress_chars("=> "));
        }
        self.0 = Some(bar);
    }

    fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
