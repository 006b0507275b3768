use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::reference::{reference, whisper};
use super::*;

const SLOTS: usize = 5;

fn size(slots: usize, length: usize) -> Size {
    Size { slots, length }
}

#[test]
fn the_smallest_size_that_holds_it_is_taken() {
    let sizes = sizes(6, 448);
    let slots: Vec<usize> = sizes.iter().map(|size| size.slots).collect();
    assert_eq!(slots, [1, 1, 2, 2, 4, 4, 6, 6]);
    assert_eq!(sizes[..2], [size(1, 128), size(1, 448)]);
    let found = |slots, length| fitting(&sizes, size(slots, length));
    assert_eq!(found(1, 5), Some(size(1, 128)));
    assert_eq!(found(3, 128), Some(size(4, 128)));
    assert_eq!(found(3, 129), Some(size(4, 448)));
    assert_eq!(found(6, 448), Some(size(6, 448)));
    assert_eq!(found(7, 5), None);
    assert_eq!(found(1, 449), None);
    assert_eq!(super::sizes(1, 448), [size(1, 128), size(1, 448)]);
    assert_eq!(super::sizes(2, 128), [size(1, 128), size(2, 128)]);
    assert_eq!(super::sizes(1, 60), [size(1, 60)]);
}

#[test]
fn inputs_say_where_each_token_goes() {
    let inputs = Inputs { tokens: vec![7, 9], before: vec![3, 100] };
    let rows = inputs.rows(3);
    assert_eq!(rows.len(), 3 * (1 + AHEAD));
    assert_eq!(rows[..9], [7, 9, 0, 3, 100, 0, 4, 101, 0]);
}

#[test]
fn trials_stay_within_and_are_not_alike() {
    for size in [size(1, 60), size(32, 448), size(8, AHEAD)] {
        let rounds: Vec<Inputs> = (0..3).map(|round| trial(round, size, 100)).collect();
        for inputs in &rounds {
            assert_eq!((inputs.tokens.len(), inputs.before.len()), (size.slots, size.slots));
            assert!(inputs.tokens.iter().all(|token| *token < 100));
            assert!(inputs.before.iter().all(|before| before + AHEAD <= size.length));
        }
        assert!(rounds[0] != rounds[1] && rounds[1] != rounds[2], "{size:?}");
    }
    assert_eq!(trial(0, size(4, 60), 100).before[0] + AHEAD, 60);
}

#[test]
fn only_the_same_agrees() {
    let plain = vec![vec![(1, -0.5), (2, -0.25)], vec![(3, -1.0), (4, 0.0)]];
    let agrees = |change: &dyn Fn(&mut Chosen)| {
        let mut other = plain.clone();
        change(&mut other);
        agree(&plain, &other).is_ok()
    };
    assert!(agrees(&|_| {}) && agrees(&|other| other[0][0].1 += 1e-4));
    assert!(!agrees(&|other| other[1][1].0 = 5));
    assert!(!agrees(&|other| other[1][1].1 = 0.01));
    assert!(!agrees(&|other| other[0][1].1 = f32::NAN));
    assert!(!agrees(&|other| drop(other.pop())));
}

/// A model with caches for both ways, of which the second knows no positions.
struct Both {
    model: Model,
    encoded: Tensor,
    plain: Caches,
    caches: Caches,
    steps: Steps,
}

impl Both {
    fn new(trims: bool) -> Self {
        let model = whisper().model;
        let mel = reference("mel").t().unwrap().contiguous().unwrap().unsqueeze(0).unwrap();
        let encoded = model.encode(&mel, &|| false).unwrap().unwrap();
        let (plain, mut caches) = (model.caches(SLOTS).unwrap(), model.caches(SLOTS).unwrap());
        model.prepare(&mut caches, trims).unwrap();
        let scores = reference("scores").dim(1).unwrap();
        let sampler = Sampler::of(&vec![0.0; scores], &Device::Cpu).unwrap();
        let size = (SLOTS, model.max_tokens());
        let steps = Steps::new(sampler, size, &Device::Cpu).unwrap();
        Self { model, encoded, plain, caches, steps }
    }

    /// Somebody comes, with a sound of their own and so many tokens that are told.
    fn join(&mut self, slot: usize, context: usize, told: usize) {
        let factor = 1.0 + 0.3 * slot as f64;
        let sound = (self.encoded.narrow(1, 0, context).unwrap() * factor).unwrap();
        let tokens: Vec<u32> = (0..told as u32).map(|i| 5 + 3 * i + slot as u32).collect();
        for caches in [&mut self.plain, &mut self.caches] {
            self.model.remember(caches, slot, &sound).unwrap();
            self.model.read(caches, slot, &tokens).unwrap();
        }
    }

    /// What both ways write after `tokens`; `used` tokens of each slot count.
    fn write(&mut self, tokens: &[u32], used: &[usize]) -> Chosen {
        let start = Tensor::from_slice(tokens, (tokens.len(), 1), &Device::Cpu).unwrap();
        let (model, plain) = (&self.model, &mut self.plain);
        let sampled = self
            .steps
            .sampler
            .run(start, |_, tokens| model.scores(&model.read_one(plain, tokens)?)?.squeeze(1));
        let expected = sample::pairs(&sampled.unwrap()).unwrap();
        let written = self.steps.write(&self.model, &self.caches, tokens).unwrap();
        agree(&expected, &written).unwrap();
        for (slot, used) in used.iter().enumerate() {
            let before = self.plain.read(slot) - AHEAD;
            self.plain.rewind(slot, before + used);
            self.caches.advance(slot, *used);
            assert_eq!(self.plain.read(slot), self.caches.read(slot));
        }
        written
    }

    fn leave(&mut self, slot: usize) {
        self.plain.rewind(slot, 0);
        self.caches.rewind(slot, 0);
    }

    fn full(&self) -> usize {
        self.model.context()
    }
}

#[test]
fn without_the_host_the_same_is_written_whoever_comes_and_goes() {
    for trims in [false, true] {
        let mut both = Both::new(trims);
        let full = both.full();
        let short = if trims { full / 2 } else { full };
        both.join(0, full, 3);
        both.join(1, short, 1);
        let first = both.write(&[4, 6], &[AHEAD, 2]);
        assert_ne!(first[0], first[1]);
        // Two more come, the first of them goes on alone for a while, and one place stays empty.
        both.join(2, short, 9);
        both.join(4, full, 2);
        let last = |row: &[(u32, f32)], used: usize| row[used - 1].0;
        let tokens = [last(&first[0], AHEAD), last(&first[1], 2), 8, 0, 9];
        let second = both.write(&tokens, &[AHEAD, AHEAD, 1, 0, 3]);
        assert_ne!(second[0], first[0]);
        both.leave(0);
        both.leave(3);
        let tokens: Vec<u32> = second.iter().map(|row| last(row, AHEAD)).collect();
        both.write(&[0, tokens[1], second[2][0].0], &[0, AHEAD, AHEAD]);
        // Somebody else takes the place of who has gone.
        both.leave(0);
        both.join(0, short, 5);
        both.write(&[7, tokens[1]], &[AHEAD, 1]);
    }
}

#[test]
fn scores_for_the_host_are_the_same_too() {
    let mut both = Both::new(true);
    both.join(0, both.full(), 3);
    both.join(1, both.full() / 2, 6);
    let tokens = Tensor::new(&[[4_u32], [6]], &Device::Cpu).unwrap();
    let states = both.model.read_one(&mut both.plain, &tokens).unwrap();
    let expected: Vec<Vec<f32>> =
        both.model.scores(&states).unwrap().squeeze(1).unwrap().to_vec2().unwrap();
    let scores = both.steps.scores(&both.model, &both.caches, &[4, 6]).unwrap();
    for (a, b) in expected.iter().flatten().zip(scores.iter().flatten()) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    assert_eq!(expected.len(), scores.len());
}

#[test]
fn a_context_that_is_not_full_needs_masks() {
    let mut both = Both::new(false);
    let short = both.encoded.narrow(1, 0, both.full() / 2).unwrap();
    assert!(both.model.remember(&mut both.caches, 0, &short).is_err());
    assert!(both.model.remember(&mut both.plain, 0, &short).is_ok());
    let ids = Tensor::new(&[[1_u32]], &Device::Cpu).unwrap();
    let positions = Tensor::new(&[0_u32], &Device::Cpu).unwrap();
    assert!(both.model.step(&both.plain, &ids, &positions, 10).is_err());
}

#[test]
fn a_graph_that_does_not_do_what_it_should_is_not_used() {
    let mut both = Both::new(true);
    let sizes = both.steps.sizes.len();
    // One that does nothing, one that cannot be started, and one that cannot be recorded.
    let recorded = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&recorded);
    let stale = both.steps.record(&both.model, &both.caches, move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(|| Ok(())))
    });
    assert!(stale.is_err() && recorded.load(Ordering::Relaxed) == sizes);
    let fails = || Box::new(|| Err(Error::msg("no"))) as Launch;
    assert!(both.steps.record(&both.model, &both.caches, |_, _| Ok(fails())).is_err());
    let refused = both.steps.record(&both.model, &both.caches, |_, _| Err(Error::msg("no")));
    assert!(refused.is_err() && !both.steps.has_graphs());
    // What was tried has left nothing behind.
    both.join(0, both.full(), 3);
    both.join(1, both.full(), 1);
    let first = both.write(&[4, 6], &[AHEAD, AHEAD]);
    // One that fails later costs nothing but itself and the others.
    both.steps.graphs = both.steps.sizes.iter().map(|size| (*size, fails())).collect();
    both.write(&[first[0][AHEAD - 1].0, first[1][AHEAD - 1].0], &[AHEAD, AHEAD]);
    assert!(!both.steps.has_graphs());
}

#[test]
fn a_graph_that_gives_what_it_was_recorded_with_is_not_used() {
    let both = Both::new(true);
    let Both { model, caches, steps, .. } = &both;
    let graphs = steps.recorded(model, caches, |_, work| {
        work()?;
        let (outputs, kept) = (steps.outputs.clone(), steps.outputs.copy()?);
        Ok(Box::new(move || outputs.slice_set(&kept, 0, 0)))
    });
    assert!(graphs.is_err());
}

#[test]
fn a_graph_that_does_what_it_should_is_used() {
    let mut both = Both::new(true);
    // Processors record nothing: what stands for a graph does the work again, in the same memory.
    let mut again = Both::new(true);
    again.caches = both.caches.clone();
    (again.steps.inputs, again.steps.outputs) =
        (both.steps.inputs.clone(), both.steps.outputs.clone());
    let (again, sizes) = (Arc::new(Mutex::new(again)), both.steps.sizes.clone());
    let (recorded, launched) = (Cell::new(0), Arc::new(AtomicUsize::new(0)));
    let count = both.steps.record(&both.model, &both.caches, |_, _| {
        let size = sizes[recorded.replace(recorded.get() + 1)];
        let (again, launched) = (Arc::clone(&again), Arc::clone(&launched));
        Ok(Box::new(move || {
            launched.fetch_add(1, Ordering::Relaxed);
            let again = again.lock().unwrap();
            again.steps.run(&again.model, &again.caches, size)
        }))
    });
    assert_eq!(count.unwrap(), sizes.len());
    assert_eq!(launched.load(Ordering::Relaxed), TRIALS * sizes.len());
    both.join(0, both.full() / 2, 3);
    both.join(1, both.full(), 1);
    both.write(&[4, 6], &[AHEAD, 2]);
    assert_eq!(launched.load(Ordering::Relaxed), TRIALS * sizes.len() + 1);
}
