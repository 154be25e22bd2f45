// Loops over rows on all cores. TensorFlow's C interface does not lend its own threads.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

namespace zsaq {

class Crew {
 public:
  static Crew& Get() {
    static Crew* crew = new Crew;  // never taken down: its threads may outlive the end of main
    return *crew;
  }

  // work(begin, end) over [0, rows); on this thread alone if the crew is busy or the work small
  void Run(int64_t rows, int64_t width, const std::function<void(int64_t, int64_t)>& work) {
    const int64_t parts = std::min<int64_t>(size_, rows * width / LEAST);
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (parts < 2 || !turn.owns_lock()) return work(0, rows);
    const int64_t share = (rows + parts - 1) / parts;
    {
      std::lock_guard<std::mutex> guard(state_);
      work_ = &work, rows_ = rows, share_ = share, next_ = share, left_ = 0;
      for (int64_t at = share; at < rows; at += share) left_++;
    }
    wake_.notify_all();
    work(0, std::min(share, rows));
    std::unique_lock<std::mutex> guard(state_);
    while (next_ < rows_) {  // parts that nobody has taken up yet
      const int64_t begin = Take();
      guard.unlock();
      work(begin, std::min(begin + share, rows));
      guard.lock();
      left_--;
    }
    done_.wait(guard, [this] { return left_ == 0; });
  }

 private:
  static constexpr int64_t LEAST = 1 << 15;  // numbers for which waking a thread is worth it

  Crew() {
    const char* limit = std::getenv("TF_NUM_INTRAOP_THREADS");
    size_ = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    if (limit && std::atoi(limit) > 0) size_ = std::min(size_, std::atoi(limit));
    for (int i = 1; i < size_; i++) std::thread([this] { Serve(); }).detach();
  }

  int64_t Take() {
    const int64_t begin = next_;
    next_ += share_;
    return begin;
  }

  void Serve() {
    std::unique_lock<std::mutex> guard(state_);
    for (;;) {
      wake_.wait(guard, [this] { return next_ < rows_; });
      const int64_t begin = Take(), end = std::min(begin + share_, rows_);
      const auto* work = work_;
      guard.unlock();
      (*work)(begin, end);
      guard.lock();
      if (--left_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_, state_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t, int64_t)>* work_ = nullptr;
  int64_t rows_ = 0, share_ = 0, next_ = 0, left_ = 0;
  int size_;
};

inline void Parallel(int64_t rows, int64_t width, const std::function<void(int64_t, int64_t)>& work) { Crew::Get().Run(rows, width, work); }

}  // namespace zsaq
