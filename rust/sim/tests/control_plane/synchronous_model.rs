//! A second simulator of synchronous calls, written for nothing but small graphs: one list of events for all services, one record
//! for each attempt, every choice a search. It shares no code with the engine.

/// A service of one replica.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// Requests share so many cores; else each place has one of its own.
    pub(super) shared_cores: Option<u32>,
    pub(super) places: usize,
    pub(super) limit: Option<usize>,
    pub(super) patience: Option<u64>,
    /// Of requests from outside, from their first arrival.
    pub(super) deadline: Option<u64>,
    /// Work of its calls.
    pub(super) work: u64,
    /// Arrivals and work from outside, and how often they are tried.
    pub(super) outside: Vec<(u64, u64)>,
    pub(super) attempts: u32,
    /// Each place comes and goes by itself: one more when there are more requests than the next level up, one less when there are
    /// no more than the last level down.
    pub(super) levels: Option<(Vec<usize>, Vec<usize>)>,
}

/// A place that comes and goes: it is at work for an attempt, or free since then, and takes nobody once it is on its way out.
#[derive(Debug, Clone, Copy)]
struct Place {
    holder: Option<usize>,
    free_since: f64,
    leaves: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) from: usize,
    pub(super) to: Vec<usize>,
    pub(super) copies: usize,
    pub(super) hold: bool,
    /// How many answers are waited for.
    pub(super) needed: usize,
    pub(super) delay: u64,
    pub(super) attempts: u32,
    pub(super) deadline: Option<u64>,
}

pub(super) const BACKOFF: u64 = 70_000_003;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    OnTheWay,
    Waiting,
    Served,
    Held,
    Completed,
    Failed(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) service: usize,
    /// The attempt that has made the call, and the entry.
    pub(super) parent: Option<(usize, usize)>,
    pub(super) nth: u32,
    /// The number of the request at the head and the way from there, backwards: calls of one instant come in this order.
    pub(super) way: Vec<usize>,
    pub(super) arrival: u64,
    /// Arrival of the first attempt.
    pub(super) first: u64,
    pub(super) work: u64,
    pub(super) start: Option<f64>,
    pub(super) left: f64,
    pub(super) end: f64,
    pub(super) state: State,
    /// Entry, answered, failed.
    pub(super) groups: Vec<(usize, usize, usize)>,
}

impl Attempt {
    fn new(service: usize, parent: Option<(usize, usize)>, way: Vec<usize>, work: u64) -> Self {
        Self {
            service,
            parent,
            nth: 0,
            way,
            arrival: 0,
            first: 0,
            work,
            start: None,
            left: work as f64,
            end: 0.0,
            state: State::OnTheWay,
            groups: Vec::new(),
        }
    }
}

impl Place {
    const fn new(now: f64) -> Self {
        Self {
            holder: None,
            free_since: now,
            leaves: false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Done,
    GivesUp,
    /// Whoever has sent a failed attempt decides about it.
    Decides,
    Arrives,
}

pub(super) struct Model<'a> {
    services: &'a [Service],
    entries: &'a [Entry],
    now: f64,
    attempts: Vec<Attempt>,
    /// Time, class, attempt.
    events: Vec<(f64, Event, usize)>,
    queues: Vec<Vec<usize>>,
    /// The places that come and go of each service, in the order in which they came.
    places: Vec<Vec<Place>>,
}

impl<'a> Model<'a> {
    pub(super) fn run(services: &'a [Service], entries: &'a [Entry]) -> Vec<Attempt> {
        let mut model = Self {
            services,
            entries,
            now: 0.0,
            attempts: Vec::new(),
            events: Vec::new(),
            queues: vec![Vec::new(); services.len()],
            places: services.iter().map(Self::first_places).collect(),
        };
        for (service, of) in services.iter().enumerate() {
            for (number, (time, work)) in of.outside.iter().enumerate() {
                model.send(
                    *time as f64,
                    Attempt::new(service, None, vec![number], *work),
                );
            }
        }
        while model.step() {}
        model.attempts
    }

    fn first_places(service: &Service) -> Vec<Place> {
        let count = service.levels.as_ref().map_or(0, |_| service.places);
        vec![Place::new(0.0); count]
    }

    fn send(&mut self, at: f64, attempt: Attempt) {
        self.events.push((at, Event::Arrives, self.attempts.len()));
        let arrival = at.round() as u64;
        let first = if attempt.nth > 0 {
            attempt.first
        } else {
            arrival
        };
        self.attempts.push(Attempt {
            arrival,
            first,
            ..attempt
        });
    }

    /// Calls from the outside inwards on the longest way to a service.
    fn level(&self, service: usize) -> usize {
        let callers = self
            .entries
            .iter()
            .filter(|entry| entry.to.contains(&service));
        let levels = callers.map(|entry| self.level(entry.from) + 1);
        levels.max().unwrap_or(0)
    }

    fn in_state(&self, service: usize, state: State) -> Vec<usize> {
        let all = 0..self.attempts.len();
        all.filter(|at| self.attempts[*at].service == service && self.attempts[*at].state == state)
            .collect()
    }

    /// Work per time of each request that shares.
    fn pace(&self, service: usize, sharers: usize) -> f64 {
        let cores = self.services[service].shared_cores.map_or(1.0, f64::from);
        (cores / sharers as f64).min(1.0)
    }

    /// What comes next: when, where it stands in the list of events (a request that shares the CPU is done otherwise), and
    /// the attempt.
    fn next(&self) -> Option<(f64, Option<usize>, usize)> {
        let mut all = Vec::new();
        for service in
            (0..self.services.len()).filter(|at| self.services[*at].shared_cores.is_some())
        {
            let sharers = self.in_state(service, State::Served);
            for at in &sharers {
                let ahead = self.attempts[*at].left / self.pace(service, sharers.len());
                all.push((self.now + ahead, Event::Done, None, *at));
            }
        }
        let listed = self.events.iter().enumerate();
        all.extend(listed.map(|(place, (time, event, at))| (*time, *event, Some(place), *at)));
        // Of one instant: who leaves, those that are called first; then, callers first, decisions about those that have
        // failed, and who arrives: from outside, by calls, retries last.
        let order = |(time, event, _, at): &(f64, Event, Option<usize>, usize)| {
            let attempt = &self.attempts[*at];
            let (level, service) = (self.level(attempt.service), attempt.service);
            let (forth, back) = ((level, service), (SERVICES - level, SERVICES - service));
            let way = (attempt.parent.is_some(), Some(&attempt.way));
            match event {
                Event::Arrives => (*time, true, forth, attempt.nth + 1, way),
                Event::Decides => (*time, true, forth, 0, way),
                Event::GivesUp => (*time, false, back, 1, (false, None)),
                Event::Done => (*time, false, back, 0, (false, None)),
            }
        };
        let earlier = |a: &&_, b: &&_| order(a).partial_cmp(&order(b)).expect("times are numbers");
        let first = all.iter().min_by(earlier);
        first.map(|(time, _, place, at)| (*time, *place, *at))
    }

    fn step(&mut self) -> bool {
        let Some((time, place, sharer)) = self.next() else {
            return false;
        };
        for service in 0..self.services.len() {
            let sharers = self.in_state(service, State::Served);
            let passed = (time - self.now) * self.pace(service, sharers.len().max(1));
            for at in sharers {
                self.attempts[at].left -= passed;
            }
        }
        self.now = time;
        match place.map(|place| self.events.remove(place)) {
            None => self.done(sharer),
            Some((_, Event::Done, at)) if self.attempts[at].state == State::Served => self.done(at),
            Some((_, Event::Arrives, at)) => self.arrive(at),
            Some((_, Event::GivesUp, at)) => {
                let inside = [State::Waiting, State::Served, State::Held];
                if inside.contains(&self.attempts[at].state) {
                    let over = self.due(at).is_some_and(|due| due as f64 <= time);
                    self.fail(at, if over { "expired" } else { "timed_out" });
                }
            }
            Some((_, Event::Decides, at)) => self.decide(at),
            Some((_, Event::Done, _)) => {}
        }
        true
    }

    fn free(&self, service: usize) -> bool {
        if self.services[service].levels.is_some() {
            return self.free_place(service).is_some();
        }
        let taken = self.in_state(service, State::Served).len();
        taken + self.in_state(service, State::Held).len() < self.services[service].places
    }

    /// Of the places that come and go, the free one that has been free longest.
    fn free_place(&self, service: usize) -> Option<usize> {
        let places = &self.places[service];
        let free =
            (0..places.len()).filter(|at| !places[*at].leaves && places[*at].holder.is_none());
        free.min_by(|a, b| places[*a].free_since.total_cmp(&places[*b].free_since))
    }

    /// An attempt gives back the place that it has, if that is one that comes and goes.
    fn give_back(&mut self, service: usize, at: usize) {
        let places = &mut self.places[service];
        if let Some(nth) = places.iter().position(|place| place.holder == Some(at)) {
            (places[nth].holder, places[nth].free_since) = (None, self.now);
            if places[nth].leaves {
                places.remove(nth);
            }
        }
    }

    /// Adds or removes places as the requests in the system say, before anybody takes one.
    fn react(&mut self, service: usize) {
        let Some((up, down)) = &self.services[service].levels else {
            return;
        };
        let inside = [State::Waiting, State::Served, State::Held];
        let requests = inside.map(|state| self.in_state(service, state).len());
        let requests: usize = requests.iter().sum();
        let (least, now, places) = (
            self.services[service].places,
            self.now,
            &mut self.places[service],
        );
        let mut count = places.iter().filter(|place| !place.leaves).count();
        while count < least + up.len() && requests > up[count - least] {
            places.push(Place::new(now));
            count += 1;
        }
        while count > least && requests <= down[count - 1 - least] {
            // A free one goes first, that which has been free longest; of busy ones the youngest.
            let staying = (0..places.len()).filter(|at| !places[*at].leaves);
            let key = |at: &usize| {
                let Place {
                    holder, free_since, ..
                } = places[*at];
                (
                    holder.is_some(),
                    if holder.is_some() { 0.0 } else { free_since },
                    places.len() - at,
                )
            };
            let first =
                staying.min_by(|a, b| key(a).partial_cmp(&key(b)).expect("times are numbers"));
            let first = first.expect("one of those counted");
            if places[first].holder.is_some() {
                places[first].leaves = true;
            } else {
                places.remove(first);
            }
            count -= 1;
        }
    }

    fn arrive(&mut self, at: usize) {
        let service = self.attempts[at].service;
        let patience = self.services[service].patience;
        let patience = patience.map(|patience| self.attempts[at].arrival + patience);
        for end in patience.into_iter().chain(self.due(at)) {
            self.events.push((end as f64, Event::GivesUp, at));
        }
        if self.free(service) {
            self.start(at);
        } else if self.services[service]
            .limit
            .is_none_or(|limit| self.queues[service].len() < limit)
        {
            self.attempts[at].state = State::Waiting;
            self.queues[service].push(at);
        } else {
            self.fail(at, "rejected");
        }
        self.react(service);
        self.fill(service);
    }

    /// When the deadline of an attempt is over.
    fn due(&self, at: usize) -> Option<u64> {
        let attempt = &self.attempts[at];
        let deadline = match attempt.parent {
            Some((_, entry)) => self.entries[entry].deadline,
            None => self.services[attempt.service].deadline,
        };
        deadline.map(|deadline| attempt.first + deadline)
    }

    fn start(&mut self, at: usize) {
        let service = self.attempts[at].service;
        if let Some(place) = self.free_place(service) {
            self.places[service][place].holder = Some(at);
        }
        let attempt = &mut self.attempts[at];
        (attempt.state, attempt.start) = (State::Served, Some(self.now));
        if self.services[attempt.service].shared_cores.is_none() {
            self.events
                .push((self.now + attempt.work as f64, Event::Done, at));
        }
    }

    fn fill(&mut self, service: usize) {
        while self.free(service) && !self.queues[service].is_empty() {
            let next = self.queues[service].remove(0);
            self.start(next);
        }
    }

    fn calls(&mut self, at: usize, hold: bool) {
        let service = self.attempts[at].service;
        for (number, entry) in self.entries.iter().enumerate() {
            if entry.from != service || entry.hold != hold {
                continue;
            }
            if entry.needed > 0 {
                self.attempts[at].groups.push((number, 0, 0));
            }
            for to in &entry.to {
                for copy in 0..entry.copies {
                    let time = self.now + entry.delay as f64;
                    // A request calls once when it is completed, however often it was tried.
                    let tried = if hold { self.attempts[at].nth } else { 0 };
                    let nth = tried as usize * entry.copies + copy;
                    let (head, before) = self.attempts[at].way.split_at(1);
                    let step = [self.level(entry.from), number, nth];
                    let way = [head, &step, before].concat();
                    let work = self.services[*to].work;
                    let call = Attempt::new(*to, Some((at, number)), way, work);
                    self.send(time, call);
                }
            }
        }
    }

    fn done(&mut self, at: usize) {
        self.attempts[at].state = State::Held;
        self.calls(at, true);
        if self.attempts[at].groups.is_empty() {
            self.complete(at);
        }
    }

    fn complete(&mut self, at: usize) {
        let attempt = &mut self.attempts[at];
        (attempt.state, attempt.end) = (State::Completed, self.now);
        attempt.groups.clear();
        let service = attempt.service;
        self.give_back(service, at);
        self.react(service);
        self.fill(service);
        self.calls(at, false);
        if self.attempts[at].groups.is_empty() {
            self.tell(at, true);
        }
    }

    fn fail(&mut self, at: usize, outcome: &'static str) {
        let attempt = &mut self.attempts[at];
        (attempt.state, attempt.end) = (State::Failed(outcome), self.now);
        attempt.groups.clear();
        let service = attempt.service;
        self.queues[service].retain(|other| *other != at);
        self.give_back(service, at);
        self.react(service);
        self.fill(service);
        let calls = self
            .entries
            .iter()
            .filter(|entry| entry.to.contains(&service));
        let own = &self.services[service];
        let outside = if own.outside.is_empty() {
            (1, None)
        } else {
            (own.attempts, own.deadline)
        };
        let calls = calls.map(|entry| (entry.attempts, entry.deadline));
        let hears = |(attempts, deadline): (u32, Option<u64>)| attempts > 1 || deadline.is_some();
        if calls.chain([outside]).any(hears) {
            self.events.push((self.now, Event::Decides, at));
        } else {
            self.tell(at, false);
        }
    }

    fn decide(&mut self, at: usize) {
        let attempt = &self.attempts[at];
        let of_service = self.services[attempt.service].attempts;
        let of_call = attempt
            .parent
            .map(|(_, entry)| self.entries[entry].attempts);
        let back = self.now + (BACKOFF << attempt.nth) as f64;
        let over = self.due(at).is_some_and(|due| due as f64 <= back);
        if attempt.nth + 1 < of_call.unwrap_or(of_service) && !over {
            let again = Attempt {
                nth: attempt.nth + 1,
                first: attempt.first,
                ..Attempt::new(
                    attempt.service,
                    attempt.parent,
                    attempt.way.clone(),
                    attempt.work,
                )
            };
            self.send(back, again);
        } else {
            self.tell(at, false);
        }
    }

    /// Tells the caller that a call is answered or has failed.
    fn tell(&mut self, at: usize, answered: bool) {
        let Some((parent, number)) = self.attempts[at].parent else {
            return;
        };
        let (entries, caller) = (self.entries, &mut self.attempts[parent]);
        let Some(group) = caller.groups.iter_mut().find(|group| group.0 == number) else {
            return;
        };
        group.1 += usize::from(answered);
        group.2 += usize::from(!answered);
        let calls = |entry: &Entry| entry.copies * entry.to.len();
        let failed = caller
            .groups
            .iter()
            .any(|(entry, _, failed)| calls(&entries[*entry]) - failed < entries[*entry].needed);
        let whole = caller
            .groups
            .iter()
            .all(|(entry, answered, _)| *answered >= entries[*entry].needed);
        if !failed && !whole {
            return;
        }
        caller.groups.clear();
        match (caller.state, whole) {
            (State::Held, true) => self.complete(parent),
            (State::Held, false) => self.fail(parent, "unanswered"),
            _ => self.tell(parent, whole),
        }
    }
}

pub(super) const SERVICES: usize = 4;
