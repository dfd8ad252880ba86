// A host at the ports of an accelerator that Verilator has compiled.
//
// It does the script it reads (host_script.py says which steps there are) and tells of each run in
// a line: 1 if it ended or 0, the number of beats, each as cycle and hexadecimal data, and the
// registers it has read. In every cycle all sides drive their ports, the logic settles, all see
// what passed, and the clock ticks.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "Vaccelerator.h"
#include "verilated.h"

namespace {

// Cycles after which something that the accelerator does not do is a hang.
constexpr long kPatience = 100000;

using Words = std::vector<uint32_t>;  // of 32 bits, the lowest first

struct Beat {
    long cycle;
    Words data;
};

struct Run {
    bool ended = false;
    std::vector<Beat> beats;
    std::vector<uint32_t> read;
};

// What passed in a cycle, seen before the clock ticks.
struct Seen {
    bool weights, features, output, last, error;
    Words data;
};

// Cycles after which a start that stays pending is a hang: a run may take that long.
constexpr long kLongRun = 100 * kPatience;

[[noreturn]] void hang(const std::string& what, long cycles) {
    std::cerr << what << " for " << cycles << " cycles\n";
    std::exit(1);
}

template <typename Port>
void set_port(Port& port, const Words& words) {
    uint64_t value = words[0];
    if (words.size() > 1) value |= uint64_t{words[1]} << 32;
    port = static_cast<Port>(value);
}

template <std::size_t Count>
void set_port(VlWide<Count>& port, const Words& words) {
    for (std::size_t i = 0; i < Count; ++i) port[i] = i < words.size() ? words[i] : 0;
}

template <typename Port>
Words words_of(const Port& port) {
    const uint64_t value = port;
    return {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
}

template <std::size_t Count>
Words words_of(const VlWide<Count>& port) {
    Words words(Count);
    for (std::size_t i = 0; i < Count; ++i) words[i] = port[i];
    return words;
}

Words parse_hex(const std::string& digits) {
    Words words;
    for (std::size_t end = digits.size(); end > 0; end -= std::min<std::size_t>(8, end)) {
        const std::size_t begin = end < 8 ? 0 : end - 8;
        words.push_back(std::stoul(digits.substr(begin, end - begin), nullptr, 16));
    }
    return words;
}

// The loads of one stream, each offered from when its run lets it.
class Stream {
  public:
    explicit Stream(std::size_t runs) : loads_(runs) {
        for (auto& load : loads_) {
            std::size_t beats;
            std::cin >> beats;
            for (std::string digits; beats > 0; --beats) {
                std::cin >> digits;
                load.push_back(parse_hex(digits));
            }
        }
    }

    // Whether the loads of so many runs are taken.
    bool loaded(std::size_t runs) {
        while (load_ < runs && beat_ == loads_[load_].size()) {
            ++load_;
            beat_ = 0;
        }
        return load_ >= runs;
    }

    const Words& beat() const { return loads_[load_][beat_]; }
    bool is_last() const { return beat_ + 1 == loads_[load_].size(); }

    void see(bool offered, bool taken, const char* name) {
        waited_ = offered && !taken ? waited_ + 1 : 0;
        if (waited_ > kPatience) hang(std::string(name) + " takes no beat", kPatience);
        beat_ += taken;
    }

  private:
    std::vector<std::vector<Words>> loads_;
    std::size_t load_ = 0, beat_ = 0;
    long waited_ = 0;
};

struct Step {
    std::string name;
    uint64_t first = 0, second = 0;
};

class Host {
  public:
    Host() {
        std::size_t runs, actors;
        std::cin >> runs;
        weights_ = std::make_unique<Stream>(runs);
        features_ = std::make_unique<Stream>(runs);
        std::cin >> actors;
        actors_.resize(actors);
        for (auto& actor : actors_) {
            std::size_t steps;
            std::cin >> steps;
            actor.steps.resize(steps);
            for (auto& step : actor.steps) {
                std::cin >> step.name;
                for (auto* value : {&step.first, &step.second}) {
                    while (std::cin.peek() == ' ') std::cin.get();
                    if (std::isdigit(std::cin.peek())) std::cin >> *value;
                }
            }
        }
        if (!std::cin) {
            std::cerr << "the script is cut off\n";
            std::exit(1);
        }
    }

    // The first actor decides how long it takes.
    void perform() {
        while (true) {
            top_.reg_write = 0;
            top_.m_axis_tready = 0;
            for (auto& actor : actors_) drive(actor);
            if (actors_[0].done()) break;
            drive(*weights_, top_.s_axis_weights_tvalid, top_.s_axis_weights_tlast,
                  top_.s_axis_weights_tdata);
            drive(*features_, top_.s_axis_features_tvalid, top_.s_axis_features_tlast,
                  top_.s_axis_features_tdata);
            const Seen seen = tick();
            weights_->see(top_.s_axis_weights_tvalid, seen.weights, "s_axis_weights");
            features_->see(top_.s_axis_features_tvalid, seen.features, "s_axis_features");
            for (auto& actor : actors_) see(actor, seen);
        }
        top_.final();
    }

    void tell() const {
        for (const Run& run : runs_) {
            std::printf("%d %zu", run.ended, run.beats.size());
            for (const Beat& beat : run.beats) {
                std::printf(" %ld ", beat.cycle);
                for (auto word = beat.data.rbegin(); word != beat.data.rend(); ++word)
                    std::printf("%08x", *word);
            }
            for (const uint32_t value : run.read) std::printf(" %u", value);
            std::printf("\n");
        }
    }

  private:
    struct Actor {
        std::vector<Step> steps;
        std::size_t at = 0;
        long cycle = 0;  // of the present step
        bool unended = false;

        bool done() const { return at == steps.size(); }
        void next() {
            ++at;
            cycle = 0;
        }
    };

    template <typename Data>
    void drive(Stream& stream, CData& valid, CData& last, Data& data) {
        valid = !stream.loaded(offered_);
        if (!valid) return;
        last = stream.is_last();
        set_port(data, stream.beat());
    }

    // Do the steps that take no cycle, then drive the ports for the one that does.
    void drive(Actor& actor) {
        for (; !actor.done(); actor.next()) {
            const Step& step = actor.steps[actor.at];
            if (step.name == "offer") {
                ++offered_;
            } else if (step.name == "loaded") {
                if (!weights_->loaded(offered_) || !features_->loaded(offered_)) return;
            } else if (step.name == "next") {
                if (actor.unended) actor.at = actor.steps.size() - 1;
            } else if (step.name != "finish" && !(step.name == "idle" && step.first == 0)) {
                break;
            }
        }
        if (actor.done()) return;
        const Step& step = actor.steps[actor.at];
        if (step.name == "write") {
            top_.reg_address = step.first;
            top_.reg_write_data = step.second;
            top_.reg_write = 1;
        } else if (step.name == "read" || step.name == "settled") {
            top_.reg_address = step.first;
        } else if (step.name == "take") {
            if (actor.cycle == 0) runs_.emplace_back();
            top_.m_axis_tready = 1;
        } else if (step.name != "idle") {
            std::cerr << "unknown step " << step.name << "\n";
            std::exit(1);
        }
    }

    void see(Actor& actor, const Seen& seen) {
        if (actor.done()) return;
        const Step& step = actor.steps[actor.at];
        ++actor.cycle;
        if (step.name == "take") {
            take(actor, step, seen);
        } else if (step.name == "read") {
            runs_.back().read.push_back(top_.reg_read_data);
            actor.next();
        } else if (step.name == "settled") {
            if (!(top_.reg_read_data & step.second)) return actor.next();
            if (actor.cycle > kLongRun) hang("a start stays pending", kLongRun);
        } else if (step.name == "write" ||
                   (step.name == "idle" && actor.cycle == static_cast<long>(step.first))) {
            actor.next();
        }
    }

    void take(Actor& actor, const Step& step, const Seen& seen) {
        Run& run = runs_.back();
        if (seen.output) {
            run.beats.push_back({actor.cycle - 1, seen.data});
            run.ended = seen.last;
        }
        if (run.ended) return actor.next();
        if (!seen.error && actor.cycle < static_cast<long>(step.first)) return;
        actor.unended = true;
        while (actor.steps[actor.at].name != "finish") actor.next();
    }

    Seen tick() {
        top_.clk = 0;
        top_.eval();
        const Seen seen = {
            bool(top_.s_axis_weights_tvalid & top_.s_axis_weights_tready),
            bool(top_.s_axis_features_tvalid & top_.s_axis_features_tready),
            bool(top_.m_axis_tvalid & top_.m_axis_tready),
            bool(top_.m_axis_tlast),
            bool(top_.error),
            words_of(top_.m_axis_tdata),
        };
        top_.clk = 1;
        top_.eval();
        return seen;
    }

    Vaccelerator top_;
    std::unique_ptr<Stream> weights_, features_;
    std::vector<Actor> actors_;
    std::size_t offered_ = 0;  // runs whose loads are offered
    std::vector<Run> runs_;
};

}  // namespace

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    Host host;
    host.perform();
    host.tell();
    return 0;
}
