// Package explore runs model code once for every way in which what is not known may be.
//
// Code asks an [Explorer] about facts: yes or no ([Explorer.Ask]), one of several
// ([Explorer.Pick]), at least so many ([Explorer.AtLeast]). A known fact has its answer;
// an open one gets each answer in turn, in a run of its own, the likeliest first.
// Within a run a question has one answer however often it is asked. Answers that are
// unlikely carry doubt, and a run carries only so much of it ([MaxDoubt]).
package explore
