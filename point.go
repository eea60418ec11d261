package velos

// A Point is what an app, or one instance of it, took over a stretch of time.
type Point struct {
	Time      Time    `json:"ts"`               // when it begins
	Up        float64 `json:"up"`               // share of the looks that found it online, 0 to 1
	CPU       float64 `json:"cpu_percent"`      // on average
	CPUMax    float64 `json:"cpu_percent_max"`  // of several instances: the sum of their highest
	Memory    int64   `json:"memory_bytes"`     // on average
	MemoryMax int64   `json:"memory_bytes_max"` // as CPUMax
	Restarts  int     `json:"restarts"`
	Lines     int64   `json:"log_lines"`  // of the app; 0 for one instance
	Errors    int64   `json:"log_errors"` // of these, level error and above
}
