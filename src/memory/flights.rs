//! What is being fetched right now, so that requests for the same thing make one upstream request.
//!
//! Requests share plain data alone: a promise of one that is awaited by another never settles once the first one's client
//! hangs up, for the runtime then forgets that request where it stands. So those who come second look again and again, on timers
//! of their own. The edge drops a request whose client is gone, and with it its flights; one that takes too long is believed lost
//! all the same.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Slot;

/// After this long, in milliseconds, a flight is believed lost: its request was cancelled, or its upstream is that slow.
pub const LOST_AFTER_MS: u64 = 5000;

/// The same for a blob on its way into the bucket, for which nobody waits.
const FILL_LOST_AFTER_MS: u64 = 120_000;

/// How many flights are known of at once. Beyond that each request fetches for itself.
const MAX_FLIGHTS: usize = 1000;

/// All flights of an isolate.
#[derive(Debug, Default)]
pub struct Flights(RefCell<HashMap<Slot, u64>>);

/// A flight under way. It ends when this is dropped.
#[derive(Debug)]
pub struct Flight<'a> {
    flights: &'a Flights,
    slot: Slot,
    began_ms: u64,
}

impl Flights {
    /// Begins a flight, unless there is one for the same thing.
    pub fn begin(&self, slot: Slot, now_ms: u64) -> Option<Flight<'_>> {
        if self.is_under_way(&slot, now_ms) {
            return None;
        }
        let mut flights = self.0.borrow_mut();
        if flights.len() >= MAX_FLIGHTS {
            flights.retain(|slot, began_ms| now_ms < *began_ms + lost_after_ms(slot));
        }
        if flights.len() < MAX_FLIGHTS {
            flights.insert(slot.clone(), now_ms);
        }
        Some(Flight { flights: self, slot, began_ms: now_ms })
    }

    /// Whether somebody is fetching this and not yet believed lost.
    #[must_use]
    pub fn is_under_way(&self, slot: &Slot, now_ms: u64) -> bool {
        self.0.borrow().get(slot).is_some_and(|began_ms| now_ms < began_ms + lost_after_ms(slot))
    }

    /// Whether somebody is fetching this, lost or not.
    #[must_use]
    pub fn is_known(&self, slot: &Slot) -> bool {
        self.0.borrow().contains_key(slot)
    }
}

const fn lost_after_ms(slot: &Slot) -> u64 {
    match slot {
        Slot::Fill(_) => FILL_LOST_AFTER_MS,
        _ => LOST_AFTER_MS,
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.borrow_mut();
        // Another may have begun since this one was believed lost.
        if flights.get(&self.slot) == Some(&self.began_ms) {
            flights.remove(&self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(text: &str) -> Slot {
        Slot::Object(text.to_owned())
    }

    #[test]
    fn one_at_a_time_until_it_ends() {
        let flights = Flights::default();
        let first = flights.begin(slot("a"), 0).unwrap();
        assert!(flights.begin(slot("a"), 10).is_none());
        assert!(flights.begin(slot("b"), 10).is_some());
        drop(first);
        assert!(flights.begin(slot("a"), 20).is_some());
    }

    #[test]
    fn a_lost_one_gives_way_and_ends_nobody_elses() {
        let flights = Flights::default();
        let lost = flights.begin(slot("a"), 0).unwrap();
        let second = flights.begin(slot("a"), LOST_AFTER_MS).unwrap();
        drop(lost);
        assert!(flights.is_under_way(&slot("a"), LOST_AFTER_MS + 1));
        drop(second);
        assert!(!flights.is_under_way(&slot("a"), LOST_AFTER_MS + 1));
    }

    #[test]
    fn they_are_bounded() {
        let flights = Flights::default();
        for n in 0..3 * MAX_FLIGHTS {
            // As if each request had been cancelled: nothing is dropped.
            std::mem::forget(flights.begin(slot(&n.to_string()), 0));
        }
        assert_eq!(flights.0.borrow().len(), MAX_FLIGHTS);
        drop(flights.begin(slot("next"), LOST_AFTER_MS));
        assert!(flights.0.borrow().is_empty());
    }
}
